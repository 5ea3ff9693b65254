"""The store that the settings name, open for as long as a process lives."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from contracts.errors import Misconfigured
from runtime.settings import Settings
from store import Store


@asynccontextmanager
async def connect(settings: Settings, *, application: str) -> AsyncGenerator[Store]:
    """Yield a store; ``Misconfigured`` without DATABASE_URL. It waits for a database that is away.

    ``application`` is the name under which PostgreSQL lists the connections.
    """
    if settings.database_url is None:
        raise Misconfigured("DATABASE_URL is missing: where is PostgreSQL?")
    store = await Store.connect(
        settings.database_url.get_secret_value(),
        pool_size=settings.database_pool_size,
        application=f"ragline-{application}",
    )
    try:
        yield store
    finally:
        await store.close()
