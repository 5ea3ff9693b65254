"""The whole product on this machine, as `ragline up` starts it, to be measured."""

import secrets
import socket
import sys
import tempfile
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

from benchmarks.client import Client
from cli.local.first_user import Access, ensure_first_user
from cli.local.servers import running_servers
from cli.local.stack import Stack, running_stack
from cli.migrate import prepare_database
from cli.topics import apply_topics
from cli.up import LOCAL_PARTITIONS
from runtime.settings import Settings, load_settings

#: Settings that would lead a benchmark to other servers, or to services that cost money.
_FOREIGN = (
    "database_url",
    "migration_database_url",
    "vector_db_url",
    "kafka_bootstrap_servers",
    "blob_url",
    "redis_url",
    "llamaparse_api_key",
    "openai_api_key",
    "openai_base_url",
    "anthropic_api_key",
    "anthropic_base_url",
    "embedding_model",
    "chat_model",
    "otel_exporter_otlp_endpoint",
)


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Everything that runs, how to log in, and how long each part of the start took."""

    settings: Settings
    stack: Stack
    access: Access
    #: Seconds by part of the start.
    seconds: dict[str, float] = field(default_factory=dict[str, float])

    @property
    def url(self) -> str:
        """Where the gateway is."""
        return self.stack.url

    @property
    def dsn(self) -> str:
        """Where the database is, as the owner of its tables."""
        url = self.settings.database_url
        return "" if url is None else url.get_secret_value()

    async def log_in(self) -> dict[str, str]:
        """Return the headers of the first user's session."""
        credentials = {"email": self.access.email, "password": self.access.password}
        async with Client(self.url) as client:
            session = (await client.post("/api/v2/auth/login", credentials)).json()
        return {"Authorization": f"Bearer {session['access_token']}"}


def local_settings(folder: Path, **values: object) -> Settings:
    """Return the settings of a machine of its own on ``folder``: local twins, no limits in the way.

    Ends the program where the environment names servers or services.
    """
    found = load_settings()
    foreign = [name.upper() for name in _FOREIGN if getattr(found, name) is not None]
    if foreign:
        sys.exit(f"Benchmarks bring everything they measure: unset {', '.join(foreign)}.")
    given: dict[str, object] = {
        "environment": "test",
        "data_dir": folder,
        "host": "127.0.0.1",
        "port": free_port(),
        "jwt_secret": secrets.token_urlsafe(48),
        "access_token_seconds": 7200,
        "kafka_partitions": LOCAL_PARTITIONS,
        "drain_seconds": 10,
        "user_requests_per_minute": 10_000_000,
        "address_requests_per_minute": 10_000_000,
    }
    return load_settings(**{**given, **values})


@asynccontextmanager
async def running_machine(
    folder: Path, settings: Settings | None = None
) -> AsyncGenerator[Machine]:
    """Start servers, gateway and workers on ``folder``; end them in order afterwards."""
    seconds: dict[str, float] = {}
    settings = settings or local_settings(folder)
    watch = _Watch(seconds)
    async with running_servers(settings, folder) as servers:
        watch.lap("servers")
        settings = settings.with_values(**servers.where())
        await prepare_database(settings)
        watch.lap("migrations")
        await apply_topics(settings)
        watch.lap("topics")
        async with running_stack(settings, folder, {}) as stack:
            watch.lap("gateway and workers")
            machine = Machine(
                settings=settings,
                stack=stack,
                access=await ensure_first_user(_dsn(settings), folder, stack.url),
                seconds=seconds,
            )
            watch.lap("first user")
            yield machine


@contextmanager
def scratch_folder() -> Generator[Path]:
    """Yield a new folder that is removed afterwards."""
    with tempfile.TemporaryDirectory(
        prefix="ragline-benchmark-", ignore_cleanup_errors=True
    ) as name:
        yield Path(name)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class _Watch:
    """Notes how long each part took."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self._seconds = seconds
        self._since = perf_counter()

    def lap(self, part: str) -> None:
        now = perf_counter()
        self._seconds[part] = now - self._since
        self._since = now


def _dsn(settings: Settings) -> str:
    url = settings.database_url
    return "" if url is None else url.get_secret_value()
