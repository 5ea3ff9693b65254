"""Kafka, PostgreSQL and blobs of this machine, or the real ones that the settings name."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from runtime.embedded import EmbeddedKafka, EmbeddedPostgres, EmbeddedServerError
from runtime.settings import Settings


@asynccontextmanager
async def running_servers(settings: Settings, folder: Path) -> AsyncGenerator[dict[str, str]]:
    """Start what no URL is set for; yield the settings that say where everything is.

    Raises ``EmbeddedServerError`` with one sentence when a server cannot start.
    """
    async with AsyncExitStack() as stack:
        found: dict[str, str] = {}
        starts: list[asyncio.Task[None]] = []
        kafka = postgres = None
        if settings.kafka_bootstrap_servers is None:
            _refuse_in_cloud(settings, "KAFKA_BOOTSTRAP_SERVERS")
            kafka = EmbeddedKafka(folder / "kafka", cache_dir=settings.cache_dir)
            stack.push_async_callback(kafka.stop)
            starts.append(asyncio.create_task(kafka.start()))
        if settings.database_url is None:
            _refuse_in_cloud(settings, "DATABASE_URL")
            postgres = EmbeddedPostgres(folder / "postgres")
            stack.push_async_callback(postgres.stop)
            starts.append(asyncio.create_task(postgres.start()))
        await _all(starts)
        if kafka is not None:
            found["kafka_bootstrap_servers"] = kafka.bootstrap_servers
        if postgres is not None:
            found["database_url"] = postgres.dsn
        if settings.blob_url is None:
            _refuse_in_cloud(settings, "BLOB_URL")
            found["blob_url"] = (folder / "blobs").absolute().as_uri()
        yield found


async def _all(starts: list[asyncio.Task[None]]) -> None:
    """Wait for all; when one fails, stop the others from starting and say why."""
    try:
        await asyncio.gather(*starts)
    finally:
        for start in starts:
            start.cancel()
        await asyncio.gather(*starts, return_exceptions=True)


def _refuse_in_cloud(settings: Settings, name: str) -> None:
    if not settings.embeds_servers:
        raise EmbeddedServerError(
            f"{name} is missing: DEPLOYMENT_MODE=cloud starts no servers of its own."
        )
