"""Brings the schema up to date, and makes the first generation."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection as SyncConnection
from sqlalchemy import NullPool
from sqlalchemy.ext.asyncio import create_async_engine

from runtime.postgres import Connection, RawConnection
from runtime.postgres_errors import blames_the_owner, translated
from runtime.postgres_sessions import connect, connected
from store.generations import ACTIVE, Generation
from store.schema import HEAD

APPLICATION = "ragline migrate"

# One process at a time changes the schema.
LOCK = "SELECT pg_advisory_lock(hashtext('ragline migrate'))"

# Does this database have a schema of ours, and which?
HAS_REVISION = "SELECT to_regclass('alembic_version') IS NOT NULL"
REVISION = "SELECT version_num FROM alembic_version"

# Rows of tenants are hidden from the owner, too; this role may count them.
AS_SYSTEM = "SET LOCAL ROLE ragline_system"
AS_OWNER = "SET LOCAL ROLE NONE"

# Does a generation hold a chunk, or is a document on its way into it?
IS_USED = """
SELECT EXISTS (SELECT FROM document_generations WHERE generation_id = $1 AND chunks_done > 0)
    OR EXISTS (SELECT FROM jobs WHERE finished_at IS NULL)
"""

# Nothing was ever in it, so nobody can want to go back to it.
DROP = "UPDATE generations SET state = 'dropped', dropped_at = now() WHERE generation_id = $1"

# A generation and its table of chunks.
CREATE = """
INSERT INTO generations (strategy, embedding_model, dimensions, state, topic_ready_at, joined_at,
                         built_at, activated_at)
VALUES ($1, $2, $3, 'active', now(), now(), now(), now())
RETURNING generation_id, strategy, embedding_model, dimensions, state
"""
CREATE_TABLE = "SELECT create_chunks_table($1, $2)"


async def migrate(dsn: str) -> list[str]:
    """Run every migration that the database lacks; return their revisions, oldest first.

    ``dsn`` names the owner of the tables: a superuser, or a role with CREATEROLE in a database
    that has the extension ``vector``. Two callers at once wait for each other; a process migrates
    one database at a time (Alembic keeps the context of a migration in a module).
    """
    async with _locked(dsn) as connection:
        before = await _revision(connection)
        with blames_the_owner(), translated():
            await _upgrade(dsn)
        script = ScriptDirectory.from_config(_config())
        applied = [step.revision for step in script.iterate_revisions(HEAD, before or "base")]
    return list(reversed(applied))


async def ensure_generation(
    dsn: str, *, strategy: str, embedding_model: str, dimensions: int
) -> Generation:
    """Return the active generation, made to measure where nothing is indexed yet.

    One that differs but holds no chunk, with no document on its way, is replaced. One that is in
    use is returned as it is: the caller compares.
    """
    wanted = (strategy, embedding_model, dimensions)
    async with _locked(dsn) as connection, connection.raw.transaction():
        found = await connection.row(ACTIVE)
        if found is not None:
            active = Generation(**found)
            if (active.strategy, active.embedding_model, active.dimensions) == wanted:
                return active
            if await _is_used(connection, active):
                return active
            await connection.change(DROP, active.generation_id)
        return await _create(connection, wanted)


async def _is_used(connection: Connection, generation: Generation) -> bool:
    await connection.run(AS_SYSTEM)
    used = bool(await connection.value(IS_USED, generation.generation_id))
    await connection.run(AS_OWNER)
    return used


async def _create(connection: Connection, wanted: tuple[str, str, int]) -> Generation:
    row = await connection.row(CREATE, *wanted)
    if row is None:
        raise RuntimeError("INSERT … RETURNING returned nothing.")
    made = Generation(**row)
    await connection.value(CREATE_TABLE, made.generation_id, made.dimensions)
    return made


@asynccontextmanager
async def _locked(dsn: str) -> AsyncGenerator[Connection]:
    # Without a limit on statements: another migration, and ours, may take their time.
    async with connected(dsn, application=APPLICATION, command_seconds=None) as connection:
        await connection.value(LOCK)
        yield connection


async def _revision(connection: Connection) -> str | None:
    if not await connection.value(HAS_REVISION):
        return None
    found: str | None = await connection.value(REVISION)
    return found


async def _upgrade(dsn: str) -> None:
    async def open_connection() -> RawConnection:
        return await connect(dsn, application=APPLICATION, command_seconds=None)

    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=open_connection, poolclass=NullPool
    )
    async with engine.connect() as connection:
        await connection.run_sync(_run_alembic)
    await engine.dispose()


def _run_alembic(connection: SyncConnection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config
