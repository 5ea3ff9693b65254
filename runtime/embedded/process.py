"""One server process of one data folder: started once, and ended with its owner."""

import asyncio
import signal
import subprocess
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path

import psutil
import structlog

from runtime.embedded.account import Account
from runtime.embedded.errors import EmbeddedServerError
from runtime.embedded.folder import prepare, take
from runtime.embedded.guard import Guard
from runtime.embedded.leftovers import end, find, record
from runtime.embedded.logs import last_meaningful_line, rotate

_log = structlog.get_logger(__name__)

_OURSELVES = Account()
_POLL_SECONDS = 0.05


@dataclass(kw_only=True)
class ServerProcess:
    """The child process of one data folder, in a session of its own: Ctrl-C does not reach it."""

    name: str
    data_dir: Path
    stop_signal: signal.Signals
    stop_seconds: float
    _lock: TextIOWrapper | None = field(default=None, init=False)
    _child: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _guard: Guard | None = field(default=None, init=False)

    @property
    def log_dir(self) -> Path:
        """Where everything the server says is kept."""
        return self.data_dir / "logs"

    @property
    def pid(self) -> int:
        """The process id of the server; raises EmbeddedServerError before the first start."""
        if self._child is None:
            raise EmbeddedServerError(f"{self.name} has not been started.")
        return self._child.pid

    @property
    def is_running(self) -> bool:
        """Whether the server has been started and has not ended since."""
        if self._child is not None and self._child.poll() is None:
            return True
        self._dismiss_guard()  # the process id it watches may soon be another program's
        return False

    async def claim(self) -> None:
        """Become the owner of the data folder, and end a server that a dead owner left behind.

        Raises EmbeddedServerError when another owner is alive, when its server cannot be ended, or
        when the folder cannot hold a server.
        """
        if not self.is_running:
            self.kill()  # gives the folder up after a server that ended by itself
        prepare(self.data_dir, server=self.name)
        lock = take(self.data_dir, server=self.name, record=self._record)
        try:
            await self._end_leftover()
        except BaseException:
            lock.close()
            raise
        self._lock = lock

    def spawn(self, command: Sequence[str], *, cwd: Path, account: Account = _OURSELVES) -> None:
        """Start the server; what it writes to its standard output and error goes to the log."""
        log = self.log_dir / f"{self.name.lower()}.out"
        rotate(log)
        switch = None if account.prefix else account.uid
        with log.open("ab") as output:
            try:
                self._child = subprocess.Popen(  # noqa: S603 - our own command line, no shell
                    [*account.prefix, *command],
                    cwd=cwd,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    user=switch,
                    group=None if switch is None else account.gid,
                    extra_groups=None if switch is None else [],
                )
            except OSError as error:
                raise cannot_run(self.name, command[0], error) from error
        record(self._record, self._child.pid)
        self._guard = Guard(self._child.pid, self.stop_signal)

    async def wait_until(self, ready: Callable[[], Awaitable[bool]], *, seconds: float) -> None:
        """Wait until `ready` answers true.

        Raises EmbeddedServerError, with the line of the log that explains it, when the server ends
        before, or when `seconds` have passed.
        """
        try:
            async with asyncio.timeout(seconds):
                while not await ready():
                    self._expect_life()
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError as error:
            raise EmbeddedServerError(
                f"{self.name} did not answer within {seconds:.0f} seconds{self._evidence()}"
            ) from error
        _log.info("server_started", server=self.name, pid=self.pid)

    async def stop(self) -> None:
        """End the server in an orderly way, by force after `stop_seconds`; give the folder up."""
        try:
            if self._child is not None and self.is_running:
                self._child.send_signal(self.stop_signal)
                await _ended(self._child, seconds=self.stop_seconds)
                _log.info("server_stopped", server=self.name, pid=self.pid)
        except TimeoutError:
            _log.warning("server_killed", server=self.name, pid=self.pid)
        finally:
            self.kill()

    def kill(self) -> None:
        """End the server with SIGKILL and give the folder up, traces and all."""
        if self._child is not None and self._child.poll() is None:
            self._child.kill()
            self._child.wait()
        self._dismiss_guard()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    @property
    def _record(self) -> Path:
        return self.data_dir / "server.json"

    async def _end_leftover(self) -> None:
        leftover = find(self._record)
        if leftover is None:
            return
        _log.warning("leftover_server_found", server=self.name, pid=leftover.pid)
        try:
            await asyncio.to_thread(end, leftover, self.stop_signal, patience=self.stop_seconds)
        except psutil.Error as error:
            raise EmbeddedServerError(
                f"An earlier {self.name} (pid {leftover.pid}) still runs on {self.data_dir} and "
                "cannot be ended: end that process, then start again."
            ) from error

    def _dismiss_guard(self) -> None:
        if self._guard is not None:
            self._guard.dismiss()
            self._guard = None

    def _expect_life(self) -> None:
        status = None if self._child is None else self._child.poll()
        if status is not None:
            raise EmbeddedServerError(
                f"{self.name} ended while it was starting (exit status {status}){self._evidence()}"
            )

    def _evidence(self) -> str:
        line = last_meaningful_line(self.log_dir)
        return f": {line} (all of it in {self.log_dir})" if line else f"; see {self.log_dir}."


def cannot_run(server: str, program: str, error: OSError) -> EmbeddedServerError:
    """The error for a program that this machine cannot execute."""
    return EmbeddedServerError(
        f"{server} cannot run on this machine, because {program} cannot be executed "
        f"({error.strerror}): set the URL of a real server instead."
    )


async def _ended(child: subprocess.Popen[bytes], *, seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while child.poll() is None:  # noqa: ASYNC110 - the kernel sets no asyncio.Event
            await asyncio.sleep(_POLL_SECONDS)
