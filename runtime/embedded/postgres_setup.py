"""What a new PostgreSQL gets: a cluster, an owner role, a template and a database with pgvector."""

import json
import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from runtime.embedded.account import Account
from runtime.embedded.errors import EmbeddedServerError
from runtime.embedded.logs import meaningful_line

MAJOR_VERSION = "18"
SUPERUSER = "postgres"
#: The role that owns the database, and the name of both.
OWNER = "ragline"
#: Any role that may create databases can copy it: only a superuser may create the extension.
TEMPLATE = "ragline_template"


@dataclass(frozen=True, kw_only=True)
class Passwords:
    """The passwords of one cluster, made at its first start."""

    superuser: str
    owner: str


def keep_passwords(file: Path) -> Passwords:
    """The passwords in `file` (readable by its owner alone), which is made when missing."""
    try:
        kept = json.loads(file.read_text(encoding="ascii"))
        return Passwords(superuser=kept["superuser"], owner=kept["owner"])
    except (FileNotFoundError, ValueError, KeyError):
        made = Passwords(superuser=secrets.token_urlsafe(24), owner=secrets.token_urlsafe(24))
    partial = file.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as opened:
        json.dump({"superuser": made.superuser, "owner": made.owner}, opened)
    partial.replace(file)
    return made


def create_cluster(pgdata: Path, programs: Path, account: Account, password: str) -> None:
    """Make an empty cluster at `pgdata`, whole or not at all; blocks for about a second.

    Passwords are asked for on every connection; sorting is by code point on every machine.
    """
    partial, password_file = pgdata.with_name("pgdata.partial"), pgdata.with_name("initdb.password")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700)
    password_file.touch(mode=0o600)
    password_file.write_text(password, encoding="ascii")
    account.own(partial)
    account.own(password_file)
    try:
        done = account.run(_initdb(programs, partial, password_file), cwd=Path("/"))
    finally:
        password_file.unlink()
    if done.returncode != 0:
        said = (done.stdout + done.stderr).decode(errors="replace")
        raise EmbeddedServerError(
            f"PostgreSQL could not prepare {pgdata} (exit status {done.returncode}): "
            f"{meaningful_line(said) or 'initdb gave no reason'}"
        )
    partial.rename(pgdata)


def _initdb(programs: Path, pgdata: Path, password_file: Path) -> list[str]:
    return [
        str(programs / "initdb"),
        f"--pgdata={pgdata}",
        f"--username={SUPERUSER}",
        f"--pwfile={password_file}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--no-instructions",
    ]


async def create_contents(port: int, passwords: Passwords) -> None:
    """Create the owner role, the template and the database, whichever of them are missing.

    Raises EmbeddedServerError when PostgreSQL refuses.
    """
    connection = await connect_superuser(port, passwords)
    try:
        await _create_owner(connection, passwords.owner)
        if not await _database_exists(connection, OWNER):
            await _create_template(connection, port, passwords)
            await connection.execute(f"CREATE DATABASE {OWNER} OWNER {OWNER} TEMPLATE {TEMPLATE}")
    except asyncpg.PostgresError as error:
        raise EmbeddedServerError(
            f"PostgreSQL started but could not create the database {OWNER}: {error}"
        ) from error
    finally:
        await connection.close()


async def _create_owner(connection: "asyncpg.Connection[asyncpg.Record]", password: str) -> None:
    if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", OWNER):
        # The password is of URL-safe characters, so it needs no quoting.
        await connection.execute(
            f"CREATE ROLE {OWNER} LOGIN CREATEROLE CREATEDB PASSWORD '{password}'"
        )


async def connect_superuser(
    port: int, passwords: Passwords, database: str = "postgres"
) -> "asyncpg.Connection[asyncpg.Record]":
    """A connection of the superuser; the caller closes it."""
    return await asyncpg.connect(
        host="127.0.0.1",
        port=port,
        user=SUPERUSER,
        password=passwords.superuser,
        database=database,
        ssl=False,
        timeout=10,
    )


async def _create_template(
    connection: "asyncpg.Connection[asyncpg.Record]", port: int, passwords: Passwords
) -> None:
    if not await _database_exists(connection, TEMPLATE):
        await connection.execute(f"CREATE DATABASE {TEMPLATE}")
    inside = await connect_superuser(port, passwords, TEMPLATE)
    try:
        await inside.execute("CREATE EXTENSION IF NOT EXISTS vector")
    finally:
        await inside.close()
    await connection.execute(f"ALTER DATABASE {TEMPLATE} IS_TEMPLATE true")


async def _database_exists(connection: "asyncpg.Connection[asyncpg.Record]", name: str) -> bool:
    found = await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name)
    return found is not None
