"""The way into the database: transactions, leadership and notifications."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import asyncpg

from contracts.errors import Misconfigured
from contracts.ids import TenantId
from runtime.postgres import Pool
from store.codecs import prepare
from store.leadership import Leadership, leading
from store.listening import listening
from store.schema import HEAD
from store.transactions import SystemTransaction, Transaction

_APP, _SYSTEM = "ragline_app", "ragline_system"

# The revision of the schema.
REVISION = "SELECT version_num FROM alembic_version"


class Store:
    """One process's connections to the database."""

    def __init__(self, pool: Pool, *, dsn: str, application: str) -> None:
        self._pool = pool
        self._dsn = dsn
        self._application = application

    @classmethod
    async def connect(
        cls, dsn: str, *, pool_size: int = 10, application: str = "ragline"
    ) -> "Store":
        """Open a pool of at most ``pool_size`` connections.

        Raises StoreUnavailable when the server cannot be reached, and Misconfigured when it
        refuses the login or was never migrated.
        """
        pool = await Pool.open(dsn, size=pool_size, application=application, prepare=prepare)
        return cls(pool, dsn=dsn, application=application)

    @asynccontextmanager
    async def tenant(self, tenant_id: TenantId) -> AsyncGenerator[Transaction]:
        """Run one transaction for one tenant: committed at the end, or not at all."""
        async with self._pool.transaction(_APP, tenant=tenant_id) as connection:
            yield Transaction(connection)

    @asynccontextmanager
    async def system(self) -> AsyncGenerator[SystemTransaction]:
        """Run one transaction for no tenant: committed at the end, or not at all."""
        async with self._pool.transaction(_SYSTEM) as connection:
            yield SystemTransaction(connection)

    def lead(self, name: str) -> AbstractAsyncContextManager[Leadership]:
        """Be the one process that does ``name``: true when nobody else does it.

        Holds a connection of its own; ``lost`` is set when that dies, and with it the lead.
        """
        return leading(self._dsn, name, application=self._application)

    def listen(self, channel: str) -> AbstractAsyncContextManager[asyncio.Event]:
        """Set an event at each notification on a channel, and after each reconnection."""
        return listening(self._dsn, channel, application=self._application)

    async def check(self) -> None:
        """Raise StoreUnavailable, or Misconfigured when the schema is older than this version.

        A newer one is fine: while a release is rolled out or back, the version before it runs on
        the schema that the new one made, and a migration leaves what that version uses.
        """
        found = await self._revision()
        if found is None or found < HEAD:
            has = "no schema yet" if found is None else f"schema {found}"
            raise Misconfigured(
                f"The database has {has}, this version works with {HEAD}: run `ragline migrate`."
            )

    async def _revision(self) -> str | None:
        try:
            async with self.system() as system:
                found: str = await system.connection.value(REVISION)
        except (asyncpg.UndefinedTableError, asyncpg.InvalidParameterValueError):
            return None  # no such table, or no such role even
        except asyncpg.InsufficientPrivilegeError as error:
            raise Misconfigured(
                f"The login of DATABASE_URL may not take on the role {_SYSTEM}: as the owner of "
                f"the tables, GRANT {_APP}, {_SYSTEM} TO it WITH INHERIT FALSE, SET TRUE."
            ) from error
        return found

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.close()
