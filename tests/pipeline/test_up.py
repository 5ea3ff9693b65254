"""`ragline up`: one command from nothing to a cited answer, and back to nothing."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from runtime.settings import environment_with


class Up:
    """`ragline up` on a folder, as a process."""

    def __init__(self, folder: Path, *arguments: str, **settings: str) -> None:
        self.folder = folder
        self.output = folder.with_suffix(f".{time.monotonic_ns()}.out")
        with self.output.open("w") as output:
            self.process = subprocess.Popen(  # noqa: S603 - ourselves
                [sys.executable, "-m", "cli.main", "up", *arguments],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment_with(**{"data_dir": str(folder), "port": "0", **settings}),
            )

    def said(self) -> str:
        return self.output.read_text()

    def wait(self, *, seconds: float = 120) -> int:
        return self.process.wait(seconds)

    def until_said(self, words: str, *, seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while words not in self.said():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.1)

    def descendants(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("up") / "data"


def test_it_answers_a_question_about_the_examples_and_ends(folder: Path) -> None:
    up = Up(folder, "--demo", "--exit")
    assert up.wait() == 0, up.said()
    said = " ".join(up.said().split())
    assert "6 indexed" in said
    assert "54 kilometres an hour" in said
    assert re.search(r"\[1\] tarnfell-handbook\.pdf, page 4", said)
    assert "with password" in said


def test_a_second_start_keeps_the_data_and_ctrl_c_ends_every_child(folder: Path) -> None:
    up = Up(folder, "--demo", "--scale", "embedder=3")
    up.until_said("Ctrl-C stops it")
    assert "6 already there" in up.said()
    assert "shown once" not in up.said()
    children = up.descendants()
    running = json.loads((folder / "stack.json").read_text())["pids"]
    assert {"embedder", "embedder-2", "embedder-3"} <= set(running)
    assert set(running.values()) <= {child.pid for child in children}
    assert len(children) >= 9
    up.process.send_signal(signal.SIGINT)
    assert up.wait(seconds=60) == 0
    assert "Stopped." in up.said()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []


def test_a_killed_start_leaves_nothing_behind_and_the_next_one_heals(folder: Path) -> None:
    up = Up(folder)
    up.until_said("Ctrl-C stops it")
    children = up.descendants()
    up.process.kill()
    up.wait()
    again = Up(folder, "--exit")
    assert again.wait() == 0, again.said()
    _, alive = psutil.wait_procs(children, timeout=60)
    assert alive == []


def test_a_server_that_dies_is_started_again(folder: Path) -> None:
    up = Up(folder)
    up.until_said("Ctrl-C stops it")
    before = json.loads((folder / "kafka" / "server.json").read_text())["pid"]
    os.kill(before, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while json.loads((folder / "kafka" / "server.json").read_text())["pid"] == before:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    up.process.send_signal(signal.SIGTERM)
    assert up.wait(seconds=60) == 0


def test_a_port_in_use_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        up = Up(tmp_path / "data", port=str(port))
        assert up.wait(seconds=30) == 1
    assert up.said().strip() == (
        f"Port {port} is in use; stop what uses it, or set PORT to another."
    )


@pytest.mark.parametrize("wanted", ["embedder=many", "embedder=17", "embedders=2", "embedder"])
def test_a_scale_that_makes_no_sense_is_one_sentence(tmp_path: Path, wanted: str) -> None:
    up = Up(tmp_path / "data", "--scale", wanted)
    assert up.wait(seconds=30) == 2
    assert f"--scale {wanted} is not NAME=1…16 with one of parser" in " ".join(up.said().split())


@pytest.mark.parametrize(
    ("settings", "sentence", "status"),
    [
        ({"max_chunks": "many"}, "MAX_CHUNKS is wrong", 2),
        ({"environment": "production"}, "DATABASE_URL is missing", 2),
        ({"deployment_mode": "cloud"}, "KAFKA_BOOTSTRAP_SERVERS is missing", 1),
    ],
)
def test_what_is_wrong_is_said_before_anything_starts(
    tmp_path: Path, settings: dict[str, str], sentence: str, status: int
) -> None:
    up = Up(tmp_path / "data", **settings)
    assert up.wait(seconds=30) == status
    assert sentence in up.said()
    assert "Traceback" not in up.said()
