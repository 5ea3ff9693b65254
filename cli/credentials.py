"""Sessions that are kept between two commands, readable by their owner only."""

import asyncio
import fcntl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from cli.failures import CommandFailed
from cli.local.secrets import read_private, write_private

#: Another command holds the file while it refreshes the session: for one request.
LOCK_SECONDS = 30.0
LOCK_POLL_SECONDS = 0.05


class KeptSession(msgspec.Struct, frozen=True, kw_only=True):
    """A session as it is kept: where, of whom, and its tokens."""

    url: str
    email: str
    access_token: str
    #: Until when the access token is used, in seconds since the epoch by this machine's clock.
    fresh_until: float
    #: Good for one refresh; the answer brings the next one.
    refresh_token: str


class SessionFile:
    """One kept session; commands that run at once take turns at refreshing it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> KeptSession | None:
        """Return the session, None when there is none that can be understood."""
        try:
            return msgspec.convert(read_private(self.path), KeptSession)
        except (msgspec.ValidationError, OSError):
            return None

    def write(self, session: KeptSession) -> None:
        """Keep the session in place of the one before."""
        try:
            self._make_folder()
            write_private(self.path, msgspec.to_builtins(session))
        except OSError as error:
            raise self._unusable(error) from error

    def remove(self) -> None:
        """Forget the session."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise self._unusable(error) from error

    @asynccontextmanager
    async def locked(self) -> AsyncGenerator[None]:
        """Keep other commands from changing the session; a refresh token used twice ends it."""
        try:
            self._make_folder()
            lock = self.path.with_suffix(".lock").open("a", encoding="ascii")
        except OSError as error:
            raise self._unusable(error) from error
        with lock:
            await self._take(lock.fileno())
            yield

    async def _take(self, descriptor: int) -> None:
        try:
            async with asyncio.timeout(LOCK_SECONDS):
                while True:
                    try:
                        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    except BlockingIOError:
                        await asyncio.sleep(LOCK_POLL_SECONDS)
                    else:
                        return
        except TimeoutError:
            raise CommandFailed(
                f"Another ragline command holds {self.path}; end it and try again."
            ) from None

    def _make_folder(self) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _unusable(self, error: OSError) -> CommandFailed:
        return CommandFailed(
            f"The session cannot be kept in {self.path} ({error.strerror}); "
            "make that folder writable."
        )


def login_file() -> SessionFile:
    """Return where ``ragline login`` keeps the session of this user."""
    return SessionFile(Path.home() / ".config" / "ragline" / "credentials.json")
