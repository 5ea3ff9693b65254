"""One server process of one data folder: started once, ended with its owner, healed at the next start."""

import asyncio
import contextlib
import fcntl
import shutil
import signal
import subprocess
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path

import structlog

from runtime.embedded import leftovers
from runtime.embedded.account import Account
from runtime.embedded.errors import EmbeddedServerError
from runtime.embedded.logs import last_meaningful_line, rotate

_log = structlog.get_logger(__name__)

_OURS = Account()
_POLL_SECONDS = 0.05
_LEAST_FREE_BYTES = 500 * 1024 * 1024

# The guard outlives the owner by a moment: when the owner's end of the pipe closes, whatever the
# reason, it asks the server to stop, and insists after 30 seconds.
_GUARD = """
read -r _
kill -"$2" "$1" 2>/dev/null || exit 0
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
  kill -0 "$1" 2>/dev/null || exit 0
  sleep 1
done
kill -KILL "$1" 2>/dev/null
"""


@dataclass(kw_only=True)
class ServerProcess:
    """The child process of one data folder; at most one owner and one server at any time."""

    name: str
    data_dir: Path
    stop_signal: signal.Signals
    stop_seconds: float
    _lock: TextIOWrapper | None = field(default=None, init=False)
    _child: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _guard: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def log_dir(self) -> Path:
        """Where everything the server says is kept."""
        return self.data_dir / "logs"

    @property
    def output(self) -> Path:
        """The file that receives the server's standard output and error."""
        return self.log_dir / f"{self.name.lower()}.out"

    @property
    def pid(self) -> int:
        """The process id of the server, while it runs."""
        if self._child is None:
            raise EmbeddedServerError(f"{self.name} has not been started.")
        return self._child.pid

    @property
    def is_running(self) -> bool:
        """Whether the server process is alive; notices, and tidies up after, one that ended."""
        if self._child is not None and self._child.poll() is not None:
            self._dismiss_guard()
            return False
        return self._child is not None

    async def claim(self) -> None:
        """Become the only owner of the data folder and end a server that an owner left behind.

        Raises EmbeddedServerError when another owner is alive or the disk is nearly full.
        """
        self._make_folders()
        self._take_lock()
        leftover = leftovers.find(self._record)
        if leftover is not None:
            _log.warning("leftover_server_found", server=self.name, pid=leftover.pid)
            await asyncio.to_thread(
                leftovers.end, leftover, self.stop_signal, patience=self.stop_seconds
            )
        self._record.unlink(missing_ok=True)

    def spawn(self, command: Sequence[str], *, cwd: Path, account: Account = _OURS) -> None:
        """Start the server in its own session, with a guard that stops it when the owner is gone."""
        rotate(self.output)
        switch = None if account.prefix else account.uid
        with self.output.open("ab") as output:
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
                raise EmbeddedServerError(
                    f"{self.name} cannot run on this machine, because {command[0]} cannot be "
                    f"executed ({error.strerror}): set the URL of a real server instead."
                ) from error
        leftovers.record(self._record, self._child.pid)
        self._post_guard(self._child.pid)

    async def wait_until(self, ready: Callable[[], Awaitable[bool]], *, seconds: float) -> None:
        """Wait until `ready` answers true; raises EmbeddedServerError if the server ends before."""
        try:
            async with asyncio.timeout(seconds):
                while not await ready():
                    if not self.is_running:
                        raise EmbeddedServerError(self._death_sentence())
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError as error:
            raise EmbeddedServerError(
                f"{self.name} did not answer within {seconds:.0f} seconds{self._evidence()}"
            ) from error
        _log.info("server_started", server=self.name, pid=self.pid)

    async def stop(self) -> None:
        """End the server in an orderly way, by force after `stop_seconds`, and give the folder up."""
        if self._child is not None and self.is_running:
            self._child.send_signal(self.stop_signal)
            try:
                async with asyncio.timeout(self.stop_seconds):
                    while self.is_running:
                        await asyncio.sleep(_POLL_SECONDS)
                _log.info("server_stopped", server=self.name, pid=self.pid)
            except TimeoutError:
                _log.warning("server_killed", server=self.name, pid=self.pid)
        self.kill()

    def kill(self) -> None:
        """End the server with SIGKILL and give the folder up; its traces stay for the next start."""
        if self._child is not None and self._child.poll() is None:
            self._child.kill()
            self._child.wait()
        self._dismiss_guard()
        self.release()

    def release(self) -> None:
        """Let another owner claim the data folder."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    @property
    def _record(self) -> Path:
        return self.data_dir / "server.json"

    def _make_folders(self) -> None:
        try:
            self.log_dir.mkdir(parents=True, exist_ok=True)
            free = shutil.disk_usage(self.data_dir).free
        except OSError as error:
            raise EmbeddedServerError(
                f"{self.name} cannot keep its data in {self.data_dir} ({error.strerror}): "
                "choose a folder that can be written."
            ) from error
        if free < _LEAST_FREE_BYTES:
            raise EmbeddedServerError(
                f"{self.name} needs {_LEAST_FREE_BYTES // 2**20} MB of free disk for "
                f"{self.data_dir} and there are {free // 2**20} MB: make room, or choose another folder."
            )

    def _take_lock(self) -> None:
        lock = (self.data_dir / "owner.lock").open("a", encoding="ascii")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.close()
            running = leftovers.find(self._record)
            raise EmbeddedServerError(
                f"{self.name} is already running on {self.data_dir}"
                f"{f' (pid {running.pid})' if running else ''}: use that one, or stop it first."
            ) from error
        self._lock = lock

    def _post_guard(self, pid: int) -> None:
        self._guard = subprocess.Popen(  # noqa: S603 - a constant script
            ["/bin/sh", "-c", _GUARD, "guard", str(pid), self.stop_signal.name.removeprefix("SIG")],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _dismiss_guard(self) -> None:
        # Before its process id can belong to another program: the server is reaped by now.
        if self._guard is not None:
            self._guard.kill()
            self._guard.wait()
            if self._guard.stdin is not None:
                with contextlib.suppress(BrokenPipeError):
                    self._guard.stdin.close()
            self._guard = None

    def _death_sentence(self) -> str:
        code = self._child.returncode if self._child else None
        return f"{self.name} ended while it was starting (exit status {code}){self._evidence()}"

    def _evidence(self) -> str:
        line = last_meaningful_line(self.log_dir)
        return f": {line} (all of it in {self.log_dir})" if line else f"; see {self.log_dir}."
