"""Connections of their own, outside the pool, for what lasts: locks and notifications."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress

import asyncpg

from runtime.postgres import ACQUIRE_SECONDS, COMMAND_SECONDS, Connection, RawConnection
from runtime.postgres_errors import CONNECTION_ERRORS, blames_the_setting, translated

#: A session is asked this often whether it lives: a network that swallows packets says nothing.
PROBE_SECONDS = 5.0
_GOODBYE_SECONDS = 2.0


class Session(Connection):
    """One connection; ``lost`` is set as soon as it is known to be dead."""

    def __init__(self, raw: RawConnection) -> None:
        super().__init__(raw)
        self.lost = asyncio.Event()
        self._own = raw
        raw.add_termination_listener(lambda _raw: self.lost.set())

    async def listen(self, channel: str, heard: Callable[[], None]) -> None:
        """Call ``heard`` at each notification on a channel."""

        def hear(*_notification: object) -> None:
            heard()

        with translated():
            await self._own.add_listener(channel, hear)


async def connect(
    dsn: str, *, application: str, command_seconds: float | None = COMMAND_SECONDS
) -> RawConnection:
    """Return a connection of one's own; raises StoreUnavailable or Misconfigured."""
    with translated(), blames_the_setting():
        return await asyncpg.connect(
            dsn,
            timeout=ACQUIRE_SECONDS,
            command_timeout=command_seconds,
            server_settings={"application_name": application},
        )


@asynccontextmanager
async def connected(
    dsn: str, *, application: str, command_seconds: float | None = COMMAND_SECONDS
) -> AsyncGenerator[Connection]:
    """Hold a connection open until the block ends."""
    raw = await connect(dsn, application=application, command_seconds=command_seconds)
    try:
        yield Connection(raw)
    finally:
        await _hang_up(raw)


@asynccontextmanager
async def session(dsn: str, *, application: str) -> AsyncGenerator[Session]:
    """Hold a connection open, probing it every 5 seconds, until the block ends.

    It is for waiting, not for working: a statement must be over before the next probe.
    """
    raw = await connect(dsn, application=application)
    opened = Session(raw)
    probing = asyncio.create_task(_probe(opened))
    try:
        yield opened
    finally:
        probing.cancel()
        with suppress(asyncio.CancelledError):
            await probing
        await _hang_up(raw)


async def _probe(opened: Session) -> None:
    while not opened.lost.is_set():
        await asyncio.sleep(PROBE_SECONDS)
        try:
            await opened.raw.fetchval("SELECT 1", timeout=PROBE_SECONDS)
        except CONNECTION_ERRORS:
            opened.raw.terminate()
            opened.lost.set()


async def _hang_up(raw: RawConnection) -> None:
    """Say goodbye, so that locks are free at once; do not wait for a server that is gone."""
    try:
        await raw.close(timeout=_GOODBYE_SECONDS)
    except CONNECTION_ERRORS:
        raw.terminate()
