"""Kafka, PostgreSQL and blobs of this machine, or the real ones that the settings name."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from runtime.clock import SystemClock
from runtime.embedded import EmbeddedKafka, EmbeddedPostgres, EmbeddedServerError
from runtime.settings import Settings

log = structlog.get_logger(__name__)

#: How often it is looked whether a server still runs.
WATCH_SECONDS = 0.5
#: Tries to start a server again before it is given up.
STARTS = 3
#: A server that dies this often within the window cannot be kept running.
MOST_DEATHS = 8
DEATHS_WINDOW = 120.0


@dataclass(frozen=True, kw_only=True)
class Servers:
    """The servers that were started here; None where the settings name another."""

    kafka: EmbeddedKafka | None
    postgres: EmbeddedPostgres | None
    blobs: Path | None

    @property
    def running(self) -> list[EmbeddedKafka | EmbeddedPostgres]:
        """The servers that are processes of ours."""
        return [server for server in (self.kafka, self.postgres) if server is not None]

    def where(self) -> dict[str, str]:
        """Return the settings that say where they are."""
        found: dict[str, str] = {}
        if self.kafka is not None:
            found["kafka_bootstrap_servers"] = self.kafka.bootstrap_servers
        if self.postgres is not None:
            found["database_url"] = self.postgres.dsn
        if self.blobs is not None:
            found["blob_url"] = self.blobs.as_uri()
        return found

    async def watch(self) -> None:
        """Start servers again that ended by themselves, each without waiting for the other.

        Raises ``EmbeddedServerError`` when one cannot start, or ends again and again.
        """
        watches = [asyncio.create_task(_keep_running(server)) for server in self.running]
        try:
            await asyncio.gather(asyncio.Event().wait(), *watches)
        finally:
            for watch in watches:
                watch.cancel()
            await asyncio.gather(*watches, return_exceptions=True)


async def _keep_running(server: EmbeddedKafka | EmbeddedPostgres) -> None:
    name = type(server).__name__.removeprefix("Embedded")
    clock = SystemClock()
    deaths: deque[float] = deque(maxlen=MOST_DEATHS)
    while True:
        await asyncio.sleep(WATCH_SECONDS)
        if server.is_running:
            continue
        log.warning("server_died", server=name)
        deaths.append(clock.monotonic())
        if len(deaths) == MOST_DEATHS and deaths[-1] - deaths[0] < DEATHS_WINDOW:
            raise EmbeddedServerError(
                f"{name} ends again and again; its log is in the data folder."
            )
        await _start_again(server, name)


async def _start_again(server: EmbeddedKafka | EmbeddedPostgres, name: str) -> None:
    """Start the server; what ended it may end it once more while it starts."""
    for left in reversed(range(STARTS)):
        try:
            await server.start()
        except EmbeddedServerError as error:
            log.warning("server_not_started", server=name, reason=str(error))
            if not left:
                raise
        else:
            return


@asynccontextmanager
async def running_servers(settings: Settings, folder: Path) -> AsyncGenerator[Servers]:
    """Start what no URL is set for, and stop it on leaving.

    Raises ``EmbeddedServerError`` with one sentence when a server cannot start.
    """
    servers = _wanted(settings, folder)
    async with AsyncExitStack() as stack:
        starts: list[asyncio.Task[None]] = []
        for server in servers.running:
            stack.push_async_callback(server.stop)
            starts.append(asyncio.create_task(server.start()))
        await _all(starts)
        yield servers


def _wanted(settings: Settings, folder: Path) -> Servers:
    needs_kafka = _is_ours(settings, "kafka_bootstrap_servers")
    needs_postgres = _is_ours(settings, "database_url")
    needs_blobs = _is_ours(settings, "blob_url")
    return Servers(
        kafka=EmbeddedKafka(folder / "kafka", cache_dir=settings.cache_dir)
        if needs_kafka
        else None,
        postgres=EmbeddedPostgres(folder / "postgres") if needs_postgres else None,
        blobs=folder / "blobs" if needs_blobs else None,
    )


def _is_ours(settings: Settings, name: str) -> bool:
    if getattr(settings, name) is not None:
        return False
    if not settings.embeds_servers:
        raise EmbeddedServerError(
            f"{name.upper()} is missing: DEPLOYMENT_MODE=cloud starts no servers of its own."
        )
    return True


async def _all(starts: list[asyncio.Task[None]]) -> None:
    """Wait for all; when one fails, stop the others from starting and say why."""
    try:
        await asyncio.gather(*starts)
    finally:
        for start in starts:
            start.cancel()
        await asyncio.gather(*starts, return_exceptions=True)
