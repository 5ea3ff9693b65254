"""A process of ours is never left behind, whatever ends its watch."""

import asyncio
from pathlib import Path

import psutil
import pytest

from cli.local.child import Child, Command
from runtime.clock import SystemClock
from runtime.settings import environment_with

pytestmark = pytest.mark.asyncio

#: In place of `ragline`: says its process id and stays.
STAYS = "import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(600)\n"


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    (tmp_path / "cli").mkdir()
    (tmp_path / "cli" / "__init__.py").touch()
    (tmp_path / "cli" / "main.py").write_text(STAYS, encoding="ascii")
    monkeypatch.chdir(tmp_path)
    return Command(arguments=[], environment=environment_with(), log_file=tmp_path / "log")


async def pid_of(command: Command) -> int:
    async with asyncio.timeout(20):
        while not (command.log_file.exists() and command.log_file.read_text().strip()):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return int(command.log_file.read_text())


async def test_a_cancelled_watch_ends_its_process(command: Command) -> None:
    watching = asyncio.create_task(Child("one", command, SystemClock()).watch())
    process = psutil.Process(await pid_of(command))
    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching
    async with asyncio.timeout(5):
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_a_stopped_child_ends_and_is_not_started_again(command: Command) -> None:
    child = Child("one", command, SystemClock())
    watching = asyncio.create_task(child.watch())
    process = psutil.Process(await pid_of(command))
    await child.stop(seconds=10)
    await watching
    assert not process.is_running()
