"""Worker processes that are killed and come back, are stopped and replaced, join and leave."""

import asyncio
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from pathlib import Path
from typing import Self

import msgspec

from runtime.embedded.guard import Guard
from tests.chaos.script import Spec

#: Before a process that died is started again.
RESTART_SECONDS = 0.3
#: Beyond the drain: to commit and to close, on a busy machine.
CLOSING_SECONDS = 30.0


class Member:
    """One worker process, started again until it is told to stop."""

    def __init__(self, number: int, spec: Spec, folder: Path) -> None:
        self.number = number
        self._spec = spec
        self._folder = folder
        self._process: Process | None = None
        self._stopping = asyncio.Event()
        #: Ends that nobody asked for.
        self.ends: list[int] = []
        self.was_cut_off = False
        self._life = asyncio.create_task(self._live())

    def kill(self) -> None:
        """End the process as a crash would."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def stop(self) -> None:
        """Let the process drain, commit and end; by force when it does not."""
        self._stopping.set()
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(self._spec.drain_seconds + CLOSING_SECONDS):
                await asyncio.shield(self._life)
        except TimeoutError:
            self.was_cut_off = True
            self.kill()
            await self._life

    async def _live(self) -> None:
        while not self._stopping.is_set():
            status = await self._run_once()
            if self._stopping.is_set():
                return
            if status != -signal.SIGKILL:
                self.ends.append(status)
            await asyncio.sleep(RESTART_SECONDS)

    async def _run_once(self) -> int:
        with (self._folder / f"worker-{self.number}.log").open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tests.chaos.scripted",
                msgspec.json.encode(self._spec).decode(),
                stdin=DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        guard = Guard(self._process.pid, signal.SIGKILL)
        try:
            if self._stopping.is_set():  # told so while it was being started
                self._process.send_signal(signal.SIGTERM)
            return await self._process.wait()
        finally:
            guard.dismiss()


class Fleet:
    """The members of one consumer group."""

    def __init__(self, spec: Spec, folder: Path) -> None:
        self._spec = spec
        self._folder = folder
        self._started = 0
        self.members: list[Member] = []
        self.gone: list[Member] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        leaving, self.members = self.members, []
        await asyncio.gather(*(member.stop() for member in leaving))
        self.gone += leaving

    def join(self) -> None:
        """Start another member."""
        self._started += 1
        self.members.append(Member(self._started, self._spec, self._folder))

    def kill(self, which: float) -> None:
        """Kill one member; it comes back by itself."""
        self._pick(which).kill()

    async def leave(self, which: float) -> None:
        """Stop one member in an orderly way."""
        member = self._pick(which)
        self.members.remove(member)
        await member.stop()
        self.gone.append(member)

    @property
    def ends(self) -> list[int]:
        """The exit statuses of processes that ended although nobody asked."""
        return [status for member in (*self.members, *self.gone) for status in member.ends]

    @property
    def cut_off(self) -> int:
        """How many members did not end in time when they were told to."""
        return sum(member.was_cut_off for member in (*self.members, *self.gone))

    def _pick(self, which: float) -> Member:
        return self.members[min(int(which * len(self.members)), len(self.members) - 1)]
