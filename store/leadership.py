"""Leadership: of all processes that want to do something, one does."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from runtime.postgres_sessions import session

# Held as long as the connection lives; nobody waits for it.
TRY_LOCK = "SELECT pg_try_advisory_lock(hashtextextended('ragline leads ' || $1, 0))"


class Leadership:
    """True while this process leads; ``lost`` is set when it no longer can be sure of it."""

    def __init__(self, *, held: bool, lost: asyncio.Event) -> None:
        self.held = held
        self.lost = lost

    def __bool__(self) -> bool:
        return self.held and not self.lost.is_set()


@asynccontextmanager
async def leading(dsn: str, name: str, *, application: str) -> AsyncGenerator[Leadership]:
    """Lead, if nobody else does, until the block ends or the connection dies.

    It is noticed within 10 seconds when the connection dies silently.
    """
    async with session(dsn, application=f"{application} {name}") as own:
        held = bool(await own.value(TRY_LOCK, name))
        yield Leadership(held=held, lost=own.lost)
