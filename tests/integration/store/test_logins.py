"""Migrating makes the login that the processes use."""

import secrets
from collections.abc import AsyncIterator, Iterator
from urllib.parse import quote, urlsplit

import asyncpg
import pytest
import pytest_asyncio

from contracts.errors import Misconfigured
from runtime.embedded import EmbeddedPostgres
from store import Store
from store.logins import ensure_login, scram_verifier
from store.migrate import migrate
from tests.fixtures.servers import fresh_database

pytestmark = pytest.mark.asyncio

PASSWORD = "it's /a @:word%"


@pytest.fixture
def owner(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    with fresh_database(postgres_server.dsn) as dsn:
        yield dsn


@pytest_asyncio.fixture
async def name(owner: str) -> AsyncIterator[str]:
    """The name of a login that is not there yet."""
    await migrate(owner)
    name = f"login-{secrets.token_hex(4)}"
    yield name
    await _execute(owner, f'DROP ROLE IF EXISTS "{name}"')


def _as_login(owner: str, name: str, password: str = PASSWORD) -> str:
    parts = urlsplit(owner)
    netloc = f"{quote(name, safe='')}:{quote(password, safe='')}@{parts.hostname}:{parts.port}"
    return parts._replace(netloc=netloc).geturl()


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(statement)
    await connection.close()


async def test_a_missing_login_is_created_and_can_serve(owner: str, name: str) -> None:
    login = _as_login(owner, name)
    assert await ensure_login(owner, login)
    store = await Store.connect(login, pool_size=1)
    await store.check()
    await store.close()
    connection = await asyncpg.connect(login)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):  # it takes the roles on, or has none
        await connection.fetch("SELECT * FROM documents")
    await connection.close()


async def test_a_login_that_can_serve_is_left_as_it_is(owner: str, name: str) -> None:
    assert await ensure_login(owner, _as_login(owner, name))
    assert not await ensure_login(owner, _as_login(owner, name, "another"))
    await (await Store.connect(_as_login(owner, name), pool_size=1)).close()


async def test_a_login_that_somebody_made_is_given_the_roles(owner: str, name: str) -> None:
    await _execute(
        owner, f"""CREATE ROLE "{name}" LOGIN PASSWORD '{PASSWORD.replace("'", "''")}'"""
    )
    assert await ensure_login(owner, _as_login(owner, name))
    store = await Store.connect(_as_login(owner, name), pool_size=1)
    await store.check()
    await store.close()


async def test_one_login_for_both_needs_nothing(owner: str) -> None:
    await migrate(owner)
    assert not await ensure_login(owner, owner)


async def test_who_may_not_create_a_login_is_told_so(owner: str, name: str) -> None:
    await ensure_login(owner, _as_login(owner, name))
    other = f"{name}-2"
    with pytest.raises(Misconfigured, match="does not allow the migration"):
        await ensure_login(_as_login(owner, name), _as_login(owner, other))


@pytest.mark.parametrize("password", ["", "pässword"])
async def test_a_password_that_cannot_be_hashed_here_is_refused(password: str) -> None:
    with pytest.raises(Misconfigured, match="password in ASCII"):
        scram_verifier(password)
