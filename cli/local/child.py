"""One process of ours, watched: started again when it dies, stopped in order, never left behind."""

import asyncio
import signal
import sys
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections import deque
from dataclasses import dataclass
from pathlib import Path

import structlog

from runtime.clock import Clock
from runtime.embedded.guard import Guard

log = structlog.get_logger(__name__)

#: A process that dies this often within the window is broken; starting it again is no help.
MOST_DEATHS = 5
DEATHS_WINDOW = 60.0
LONGEST_DELAY = 10.0


class ChildBroken(Exception):
    """A process keeps dying; the message says which and where its log is."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """What a process runs: ``ragline ARGUMENTS``, with which environment, its output where."""

    arguments: list[str]
    environment: dict[str, str]
    log_file: Path


class Child:
    """A process in a session of its own: Ctrl-C reaches only us."""

    def __init__(self, name: str, command: Command, clock: Clock) -> None:
        self.name = name
        self.command = command
        self._clock = clock
        self._process: Process | None = None
        self._guard: Guard | None = None
        self._stopping = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """The process id now, None while there is none."""
        return self._process.pid if self._process else None

    async def watch(self) -> None:
        """Keep the process running until ``stop``; ``ChildBroken`` when it will not run.

        Cancelled, it ends the process at once.
        """
        deaths: deque[float] = deque(maxlen=MOST_DEATHS)
        while not self._stopping.is_set():
            status = await self._run_once()
            if self._stopping.is_set():
                return
            deaths.append(self._clock.monotonic())
            log.warning("process_died", process=self.name, status=status)
            if len(deaths) == MOST_DEATHS and deaths[-1] - deaths[0] < DEATHS_WINDOW:
                raise ChildBroken(
                    f"{self.name} keeps dying (exit status {status}); "
                    f"its log is {self.command.log_file}."
                )
            await asyncio.sleep(min(LONGEST_DELAY, 0.5 * 2 ** len(deaths)))

    async def stop(self, *, seconds: float) -> None:
        """Ask the process to end, and end it by force after ``seconds``."""
        self._stopping.set()
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(seconds):
                await process.wait()
        except TimeoutError:
            log.warning("process_killed", process=self.name)
            process.kill()
            await process.wait()

    async def _run_once(self) -> int:
        with self.command.log_file.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "cli.main",
                *self.command.arguments,
                stdin=DEVNULL,
                stdout=output,
                stderr=STDOUT,
                start_new_session=True,
                env=self.command.environment,
            )
        # Ends the process even when we are killed before we could.
        self._guard = Guard(self._process.pid, signal.SIGTERM)
        try:
            return await self._process.wait()
        finally:
            if self._process.returncode is None:  # nobody watches over it any more
                self._process.kill()
            self._guard.dismiss()
