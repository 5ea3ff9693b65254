"""Listening: an event that is set whenever PostgreSQL notifies a channel."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from contracts.errors import Misconfigured, StoreUnavailable
from runtime.postgres_sessions import Session, session

#: Seconds until a lost connection is tried again.
RECONNECT_SECONDS = 1.0


@asynccontextmanager
async def listening(dsn: str, channel: str, *, application: str) -> AsyncGenerator[asyncio.Event]:
    """Set the event at each notification, and after each reconnection: some may have been missed.

    Raises StoreUnavailable only when the first connection fails. The caller clears the event
    before it looks for work.
    """
    notified = asyncio.Event()
    name = f"{application} {channel}"
    async with session(dsn, application=name) as first:
        await _listen(first, channel, notified)
        keeping = asyncio.create_task(_keep_listening(first, dsn, channel, name, notified))
        try:
            yield notified
        finally:
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping


async def _listen(own: Session, channel: str, notified: asyncio.Event) -> None:
    await own.listen(channel, notified.set)
    notified.set()


async def _keep_listening(
    first: Session, dsn: str, channel: str, name: str, notified: asyncio.Event
) -> None:
    await first.lost.wait()
    while True:
        await asyncio.sleep(RECONNECT_SECONDS)
        with suppress(StoreUnavailable, Misconfigured):
            async with session(dsn, application=name) as own:
                await _listen(own, channel, notified)
                await own.lost.wait()
