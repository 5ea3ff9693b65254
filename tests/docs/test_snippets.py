"""The shell blocks that say `run` do what their pages say, against a running product.

A page is one script, as a reader types it in one terminal. A block that says `output` has the
lines that the block before it prints, in their order; `…` stands for whatever a run decides.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from cli.local.secrets import read_private, write_private
from runtime.settings import environment_with
from tests.docs.pages import PAGES, ROOT, Fence, fences
from tests.fixtures.stack import Running

CURL = ROOT / "tests" / "docs" / "curl.py"
#: Nothing that a page prints.
NEXT = "--- the next block ---"
SECONDS = 120

EXECUTED = [page for page in PAGES if any("run" in fence.words for fence in fences(page))]
#: Not every machine has curl; the stand-in knows the options that the pages use.
STAND_IN = "stand-in"
RUNS = [(page, STAND_IN) for page in EXECUTED] + [
    (page, curl)
    for page in EXECUTED
    if (curl := shutil.which("curl")) and "curl " in page.read_text()
]


@pytest.fixture
def reader(running: Running, tmp_path: Path) -> Path:
    """A folder like the checkout's after `make run`, of a reader with a tenant of their own."""
    email, password = f"{tmp_path.name}@example.org".replace("_", "-"), "correct horse battery"
    new = {"email": email, "password": password}
    answer = httpx.post(f"{running.url}/api/v2/auth/users", json=new, trust_env=False)
    assert answer.status_code == 201, answer.text
    data = tmp_path / ".ragline"
    data.mkdir()
    write_private(data / "connection.json", {"url": running.url, **new})
    secret = running.settings.database_url
    assert secret is not None
    whereabouts = {
        "database_url": secret.get_secret_value(),
        "kafka_bootstrap_servers": running.settings.kafka_bootstrap_servers,
        "blob_url": running.settings.blob_url,
        "gateway_url": running.url,
    }
    write_private(data / "stack.json", whereabouts)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    return tmp_path


@pytest.mark.timeout(SECONDS)
@pytest.mark.parametrize(("page", "curl"), RUNS, ids=lambda value: Path(value).stem)
def test_a_page_can_be_followed(page: Path, curl: str, reader: Path) -> None:
    outputs = iter(_run(page, reader, curl))
    last = ""
    for fence in fences(page):
        if "run" in fence.words:
            last = next(outputs)
        elif "output" in fence.words:
            _expect(fence, last)


def _run(page: Path, folder: Path, curl: str) -> list[str]:
    blocks = [fence.text for fence in fences(page) if "run" in fence.words]
    script = _as_typed("set -euo pipefail\n" + f"\necho '{NEXT}'\n".join(blocks), folder)
    done = subprocess.run(  # noqa: S603 - what the pages say
        ["bash", "-c", script],  # noqa: S607 - the reader's own
        cwd=folder,
        env=_environment(folder, curl),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout.split(NEXT)


def _as_typed(script: str, folder: Path) -> str:
    """Fill in what a reader knows from the start of their own server."""
    known = read_private(folder / ".ragline" / "connection.json") or {}
    return (
        script.replace("http://127.0.0.1:8000", known["url"])
        .replace("admin@localhost.localdomain", known["email"])
        .replace('"password": "…"', f'"password": "{known["password"]}"')
    )


def _environment(folder: Path, curl: str) -> dict[str, str]:
    commands = folder / "bin"
    commands.mkdir()
    for name in ("python3", "ragline"):
        (commands / name).symlink_to(Path(sys.executable).with_name(name))
    if curl == STAND_IN:
        stand_in = commands / "curl"
        stand_in.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{CURL}" "$@"\n')
        stand_in.chmod(0o755)
    return {
        "PATH": f"{commands}{os.pathsep}{environment_with()['PATH']}",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "NO_PROXY": "*",
        "PYTHONPATH": str(ROOT),  # this checkout, wherever ragline was installed from
    }


def _expect(fence: Fence, output: str) -> None:
    printed: Iterator[str] = (line.strip() for line in output.splitlines())
    for line in filter(None, map(str.strip, fence.text.splitlines())):
        pattern = re.compile(re.escape(" ".join(line.split())).replace("…", ".*"))
        found = any(pattern.fullmatch(" ".join(candidate.split())) for candidate in printed)
        assert found, f"{line!r} is not in:\n{output}"


def test_an_output_that_was_not_printed_is_noticed() -> None:
    fence = Fence(("text", "output"), "first …\nsecond\n")
    _expect(fence, "first line\nbetween\nsecond\n")
    for output in ("first line\n", "second\nfirst line\n", "first line\nthe second\n"):
        with pytest.raises(AssertionError, match="is not in"):
            _expect(fence, output)
