"""What a database is like, for whoever looks for what is missing in it; it changes nothing."""

from dataclasses import dataclass

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

# Who connects need not own the tables; this role may read these two.
AS_SYSTEM = "SET LOCAL ROLE ragline_system"
REVISION = "SELECT version_num FROM alembic_version"


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


async def inspect(dsn: str) -> Inspection:
    """Look at a database; raises StoreUnavailable, or Misconfigured when it refuses the login."""
    async with connected(dsn, application=APPLICATION) as connection:
        row = await connection.row(SERVER)
        if row is None:
            raise RuntimeError("A SELECT without FROM returned nothing.")
        revision, active = None, None
        if row["is_migrated"]:
            revision, active = await _schema(connection)
        return Inspection(
            server=row["server"], vector=row["vector"], revision=revision, active=active
        )


async def _schema(connection: Connection) -> tuple[str | None, Generation | None]:
    async with connection.raw.transaction():
        await connection.run(AS_SYSTEM)
        revision: str | None = await connection.value(REVISION)
        found = await connection.row(ACTIVE)
    return revision, None if found is None else Generation(**found)
