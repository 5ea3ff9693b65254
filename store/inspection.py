"""What a database is like, for whoever looks for what is missing in it; it changes nothing."""

from dataclasses import dataclass, replace

import asyncpg

from contracts.errors import Misconfigured
from runtime.postgres import Connection
from runtime.postgres_sessions import connected
from store.generations import ACTIVE, Generation

APPLICATION = "ragline doctor"

# The server, and the extension in this database.
SERVER = """
SELECT current_setting('server_version') AS server,
       (SELECT extversion FROM pg_extension WHERE extname = 'vector') AS vector,
       to_regclass('alembic_version') IS NOT NULL AS is_migrated
"""

# Who connects need not own the tables; this role may read these.
AS_SYSTEM = "SET LOCAL ROLE ragline_system"
REVISION = "SELECT version_num FROM alembic_version"

# What the workers gave up, where the schema has it already.
HAS_DEAD_LETTERS = "SELECT to_regclass('dead_letters') IS NOT NULL"
DEAD_LETTERS = "SELECT count(*) FROM dead_letters WHERE state = 'waiting'"


@dataclass(frozen=True, kw_only=True, slots=True)
class Inspection:
    """The state of a database."""

    #: Version of PostgreSQL.
    server: str
    #: Version of the extension ``vector``, None when it is not installed in this database.
    vector: str | None
    #: The schema's revision, None when the database was never migrated.
    revision: str | None
    #: The generation that answers questions, None before the first was made.
    active: Generation | None
    #: What the workers gave up and nobody has redriven or discarded.
    dead_letters: int = 0


async def inspect(dsn: str) -> Inspection:
    """Look at a database; raises StoreUnavailable, or Misconfigured when it refuses the login."""
    async with connected(dsn, application=APPLICATION) as connection:
        row = await connection.row(SERVER)
        if row is None:
            raise RuntimeError("A SELECT without FROM returned nothing.")
        found = Inspection(server=row["server"], vector=row["vector"], revision=None, active=None)
        return await _with_schema(connection, found) if row["is_migrated"] else found


async def _with_schema(connection: Connection, found: Inspection) -> Inspection:
    async with connection.raw.transaction():
        await _take_role(connection)
        active = await connection.row(ACTIVE)
        return replace(
            found,
            revision=await connection.value(REVISION),
            active=None if active is None else Generation(**active),
            dead_letters=await _dead_letters(connection),
        )


async def _take_role(connection: Connection) -> None:
    try:
        await connection.run(AS_SYSTEM)
    except asyncpg.InsufficientPrivilegeError as error:
        raise Misconfigured(
            "The login of DATABASE_URL may not take on the role ragline_system: as the owner of "
            "the tables, GRANT ragline_app, ragline_system TO it WITH INHERIT FALSE, SET TRUE."
        ) from error


async def _dead_letters(connection: Connection) -> int:
    if not await connection.value(HAS_DEAD_LETTERS):
        return 0
    waiting: int = await connection.value(DEAD_LETTERS)
    return waiting
