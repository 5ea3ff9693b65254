"""Servers end with the process that started them, even when it was killed."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from runtime.embedded import EmbeddedPostgres, EmbeddedServerError

_OWNER = """
import asyncio, sys
from pathlib import Path
from runtime.embedded import EmbeddedKafka, EmbeddedPostgres

async def main():
    server = {"EmbeddedKafka": EmbeddedKafka, "EmbeddedPostgres": EmbeddedPostgres}[sys.argv[1]]
    async with server(Path(sys.argv[2])) as started:
        print("pid", started.pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


class _Owner:
    """Another process that owns a running server."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.process = subprocess.Popen(  # noqa: S603 - our own script
            [sys.executable, "-c", _OWNER, kind, str(folder)], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        lines = iter(self.process.stdout.readline, "")
        pid = next(line.split()[1] for line in lines if line.startswith("pid "))
        self.server = psutil.Process(int(pid))

    def kill(self, *, with_guard: bool = False) -> None:
        guards = [p for p in psutil.Process(self.process.pid).children() if p != self.server]
        assert len(guards) == 1
        if with_guard:
            guards[0].kill()
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def postgres_owner(tmp_path: Path) -> Iterator[_Owner]:
    owner = _Owner("EmbeddedPostgres", tmp_path)
    yield owner
    if owner.process.poll() is None:
        owner.kill()


def test_postgres_ends_when_its_owner_was_killed(postgres_owner: _Owner) -> None:
    postgres_owner.kill()
    postgres_owner.server.wait(timeout=20)


@pytest.mark.usefixtures("kafka_server")  # by then the jars are in the cache
def test_kafka_ends_when_its_owner_was_killed(tmp_path: Path) -> None:
    owner = _Owner("EmbeddedKafka", tmp_path)
    owner.kill()
    owner.server.wait(timeout=20)


def test_ctrl_c_in_the_terminal_reaches_only_the_owner(postgres_owner: _Owner) -> None:
    sessions = {psutil.Process().pid, postgres_owner.process.pid}
    assert os.getsid(postgres_owner.server.pid) not in {os.getsid(pid) for pid in sessions}
    postgres_owner.process.send_signal(signal.SIGINT)
    postgres_owner.process.communicate(timeout=30)
    postgres_owner.server.wait(timeout=1)  # it had stopped before its owner ended


@pytest.mark.asyncio
async def test_the_next_start_replaces_a_server_that_nobody_stopped(
    tmp_path: Path, postgres_owner: _Owner
) -> None:
    postgres_owner.kill(with_guard=True)
    await asyncio.sleep(0.5)
    assert postgres_owner.server.is_running()
    async with EmbeddedPostgres(tmp_path) as healed:
        assert healed.pid != postgres_owner.server.pid
        assert not postgres_owner.server.is_running()


@pytest.mark.asyncio
async def test_a_second_owner_is_refused_with_the_servers_pid(
    tmp_path: Path, postgres_owner: _Owner
) -> None:
    second = EmbeddedPostgres(tmp_path)
    with pytest.raises(
        EmbeddedServerError, match=f"already running .*pid {postgres_owner.server.pid}"
    ):
        await second.start()
    await second.stop()
    assert postgres_owner.server.is_running()


@pytest.mark.asyncio
async def test_a_second_owner_in_the_same_process_is_refused(tmp_path: Path) -> None:
    async with EmbeddedPostgres(tmp_path):
        with pytest.raises(EmbeddedServerError, match="already running"):
            await EmbeddedPostgres(tmp_path).start()
