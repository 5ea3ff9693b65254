"""Connections to PostgreSQL: a pool whose transactions each run as one role, for one tenant.

A role and a tenant last as long as the transaction that took them (``SET LOCAL``), so a
connection that goes back to the pool carries neither.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol, TypeAlias
from uuid import UUID

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from runtime.postgres_errors import CONNECTION_ERRORS, blames_the_setting, translated

#: Seconds to wait for a connection: longer means that the pool is too small for its work.
ACQUIRE_SECONDS = 5.0
#: Seconds a statement may take; everything the product asks takes far less.
COMMAND_SECONDS = 60.0
#: Seconds that work in progress gets when the pool is closed.
CLOSE_SECONDS = 10.0

RawConnection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


class Prepare(Protocol):
    """Runs once on every new connection."""

    async def __call__(self, connection: RawConnection, /) -> None:
        """Prepare a connection that was just opened."""


class Connection:
    """Runs statements; every way in which the server can be away is ``StoreUnavailable``."""

    def __init__(self, raw: "RawConnection | PoolConnectionProxy[asyncpg.Record]") -> None:
        self.raw = raw

    async def rows(self, statement: str, *values: object) -> list[asyncpg.Record]:
        """Return all rows of the result."""
        with translated():
            return await self.raw.fetch(statement, *values)

    async def row(self, statement: str, *values: object) -> asyncpg.Record | None:
        """Return the first row of the result, None when it is empty."""
        with translated():
            return await self.raw.fetchrow(statement, *values)

    async def value(self, statement: str, *values: object) -> Any:
        """Return the first column of the first row, None when the result is empty."""
        with translated():
            return await self.raw.fetchval(statement, *values)

    async def change(self, statement: str, *values: object) -> int:
        """Run an INSERT, UPDATE or DELETE; return how many rows it touched."""
        with translated():
            status = await self.raw.execute(statement, *values)
        return int(status.rpartition(" ")[2])

    async def run(self, script: str) -> str:
        """Run statements without values in one round trip; return what the last one says."""
        with translated():
            return await self.raw.execute(script)


class Pool:
    """At most ``size`` connections, opened when they are needed and replaced when they die."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    @classmethod
    async def open(cls, dsn: str, *, size: int, application: str, prepare: Prepare) -> "Pool":
        """Connect once, so that a wrong address shows at once.

        Raises StoreUnavailable when the server cannot be reached, and Misconfigured when it
        refuses the user, the password or the database.
        """
        with translated(), blames_the_setting():
            pool = await asyncpg.create_pool(
                dsn,
                min_size=1,
                max_size=size,
                init=prepare,
                reset=_leave_as_it_is,
                timeout=ACQUIRE_SECONDS,
                command_timeout=COMMAND_SECONDS,
                server_settings={"application_name": application},
            )
        return cls(pool)

    @asynccontextmanager
    async def transaction(
        self, role: str, *, tenant: UUID | None = None
    ) -> AsyncGenerator[Connection]:
        """Run one transaction as ``role`` for ``tenant``: committed at the end, or not at all."""
        async with self._taken() as connection:
            await connection.run(
                f"BEGIN; SET LOCAL ROLE {role}; SET LOCAL ragline.tenant = '{tenant or ''}'"
            )
            try:
                yield connection
            except BaseException:
                await _roll_back(connection)
                raise
            if await connection.run("COMMIT") != "COMMIT":
                raise RuntimeError("A statement had failed unnoticed, so nothing was committed.")

    @asynccontextmanager
    async def _taken(self) -> AsyncGenerator[Connection]:
        with translated():
            raw = await self._pool.acquire(timeout=ACQUIRE_SECONDS)
        try:
            yield Connection(raw)
        finally:
            # A connection that cannot be given back is closed and replaced; what was committed
            # stays committed.
            with suppress(*CONNECTION_ERRORS):
                await self._pool.release(raw, timeout=ACQUIRE_SECONDS)

    async def close(self) -> None:
        """Close every connection, cutting off what is still at work after 10 seconds."""
        try:
            await asyncio.wait_for(self._pool.close(), CLOSE_SECONDS)
        except TimeoutError:
            self._pool.terminate()


async def _roll_back(connection: Connection) -> None:
    with suppress(Exception):  # the error that brought us here says more
        # In a hurry: a connection that does not answer is replaced when it is given back.
        await connection.raw.execute("ROLLBACK", timeout=ACQUIRE_SECONDS)


async def _leave_as_it_is(_connection: RawConnection) -> None:
    """Spare a round trip: every setting was local to its transaction, which has ended."""
