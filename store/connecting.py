"""The store that the settings name, open for as long as a process lives."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import structlog

from contracts.errors import Misconfigured, StoreUnavailable
from runtime.settings import Settings
from store import Store

log = structlog.get_logger(__name__)

#: Between two tries to reach a database that is away.
RETRY_SECONDS = 2.0


@asynccontextmanager
async def connect(settings: Settings, *, application: str) -> AsyncGenerator[Store]:
    """Yield a store; ``Misconfigured`` without DATABASE_URL. It waits for a database that is away.

    ``application`` is the name under which PostgreSQL lists the connections.
    """
    if settings.database_url is None:
        raise Misconfigured("DATABASE_URL is missing: where is PostgreSQL?")
    store = await _patiently(settings.database_url.get_secret_value(), settings, application)
    try:
        yield store
    finally:
        await store.close()


async def _patiently(dsn: str, settings: Settings, application: str) -> Store:
    """Connect, however long the database is away: to end and start again would change nothing."""
    while True:
        try:
            return await Store.connect(
                dsn,
                pool_size=settings.database_pool_size,
                application=f"ragline-{application}",
            )
        except StoreUnavailable as error:
            log.warning("database_not_reached", reason=error.message, retry_in=RETRY_SECONDS)
            await asyncio.sleep(RETRY_SECONDS)
