"""A real PostgreSQL with pgvector, as a child process."""

import asyncio
import signal
from pathlib import Path
from shutil import disk_usage
from types import TracebackType
from typing import Self

import asyncpg

from runtime.embedded.account import Account, postgres_account
from runtime.embedded.errors import EmbeddedServerError
from runtime.embedded.installed import postgres_programs
from runtime.embedded.ports import remembered_port
from runtime.embedded.postgres_leftovers import clear_leftovers
from runtime.embedded.postgres_setup import (
    MAJOR_VERSION,
    OWNER,
    Passwords,
    connect_superuser,
    create_cluster,
    create_contents,
    keep_passwords,
)
from runtime.embedded.process import ServerProcess

_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - looked at, never written to
_AMPLE_SHARED_MEMORY = 1024 * 1024 * 1024

# Everything that makes commits durable stays at its default, which is on.
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "shared_preload_libraries": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    # Neither statements nor rows reach the log: both may hold the text of documents.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}


class EmbeddedPostgres:
    """PostgreSQL 18 on 127.0.0.1, with its data, logs, port and passwords kept in one folder."""

    #: `postgresql://ragline:PASSWORD@127.0.0.1:PORT/ragline`; set by `start`. The role owns the
    #: database, is no superuser, and may create roles and databases.
    dsn: str

    def __init__(self, data_dir: Path, *, port: int | None = None) -> None:
        """Prepare a server on `data_dir`; `port` None is a free one, the same at every start."""
        self._dir = data_dir.absolute()
        self._port = port
        self._process = ServerProcess(
            name="PostgreSQL",
            data_dir=self._dir,
            stop_signal=signal.SIGINT,  # its "fast" shutdown: ends sessions, then writes everything
            stop_seconds=_STOP_SECONDS,
        )

    @property
    def pid(self) -> int:
        """The process id of the postmaster."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the server has been started and has not ended since, asked for or not."""
        return self._process.is_running

    async def start(self) -> None:
        """Start the server; return when it answers. Raises EmbeddedServerError when it cannot."""
        programs = postgres_programs()
        await self._process.claim()
        try:
            account = await asyncio.to_thread(postgres_account, programs / "postgres", self._dir)
            passwords = keep_passwords(self._dir / "passwords.json")
            await asyncio.to_thread(self._prepare, programs, account, passwords.superuser)
            port = remembered_port(self._dir / "port", self._port, server="PostgreSQL")
            self._process.spawn(self._command(programs, port), cwd=self._pgdata, account=account)
            await self._process.wait_until(
                lambda: _answers(port, passwords), seconds=_START_SECONDS
            )
            await create_contents(port, passwords)
        except BaseException:
            self._process.kill()
            raise
        self.dsn = f"postgresql://{OWNER}:{passwords.owner}@127.0.0.1:{port}/{OWNER}"

    async def stop(self) -> None:
        """End the server in an orderly way, within 30 seconds; does nothing when it is not up."""
        await self._process.stop()

    def kill(self) -> None:
        """End the server at once with SIGKILL, as a crash would."""
        self._process.kill()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    @property
    def _pgdata(self) -> Path:
        return self._dir / "pgdata"

    def _prepare(self, programs: Path, account: Account, password: str) -> None:
        if not self._pgdata.exists():
            create_cluster(self._pgdata, programs, account, password)
        clear_leftovers(self._pgdata)
        version = (self._pgdata / "PG_VERSION").read_text(encoding="ascii").strip()
        if version != MAJOR_VERSION:
            raise EmbeddedServerError(
                f"The data in {self._pgdata} is of PostgreSQL {version} and this one is "
                f"{MAJOR_VERSION}: keep it elsewhere, or start with another folder."
            )

    def _command(self, programs: Path, port: int) -> list[str]:
        settings = _SETTINGS | {
            "port": str(port),
            "dynamic_shared_memory_type": _shared_memory_type(),
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(programs / "postgres"), "-D", str(self._pgdata), *options]


def _shared_memory_type() -> str:
    """Files beside the data where the system's own place for shared memory is small.

    Containers often give it 64 MB, and building a vector index in parallel needs more.
    """
    if _SHARED_MEMORY.is_dir() and disk_usage(_SHARED_MEMORY).total < _AMPLE_SHARED_MEMORY:
        return "mmap"
    return "posix"


async def _answers(port: int, passwords: Passwords) -> bool:
    try:
        connection = await connect_superuser(port, passwords)
    except asyncpg.InvalidPasswordError as error:
        raise EmbeddedServerError(
            "The passwords.json beside the data of PostgreSQL is not the one it was made with: "
            "bring that file back, or start with another folder."
        ) from error
    except (OSError, asyncpg.CannotConnectNowError, asyncpg.PostgresConnectionError):
        return False
    await connection.close()
    return True
