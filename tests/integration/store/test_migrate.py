"""Migrations, by a superuser or by an owner who may create roles, on one server at once."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
import pytest_asyncio

from contracts.errors import Misconfigured
from runtime.embedded import EmbeddedPostgres
from runtime.embedded.postgres_setup import keep_passwords
from store import Store
from store.generations import Generation
from store.migrate import ensure_generation, migrate
from store.nearest import Search
from store.schema import HEAD
from tests.fixtures.servers import fresh_database
from tests.integration.store.given import a_tenant, a_vector, accepted, indexed

pytestmark = pytest.mark.asyncio

#: Every revision, oldest first.
REVISIONS = [f"{number:04}" for number in range(1, int(HEAD) + 1)]
WANTED = {"strategy": "sentence_5", "embedding_model": "test-8", "dimensions": 8}


@pytest.fixture
def empty(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """The URL of a database without a schema, as its owner."""
    with fresh_database(postgres_server.dsn) as dsn:
        yield dsn


@pytest_asyncio.fixture
async def fresh(empty: str) -> AsyncIterator[str]:
    await migrate(empty)
    yield empty


async def _schema(dsn: str) -> list[object]:
    """Tables, columns, indexes, policies, functions and grants, as text."""
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch(
        """SELECT 'relation', relname::text, relkind::text, relacl::text, relrowsecurity::text
           FROM pg_class WHERE relnamespace = 'public'::regnamespace
         UNION ALL
           SELECT 'column', attrelid::regclass::text, attname, atttypid::regtype::text, attacl::text
           FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
           WHERE relnamespace = 'public'::regnamespace AND attnum > 0
         UNION ALL
           SELECT 'policy', polrelid::regclass::text, polname, polroles::text, NULL FROM pg_policy
         UNION ALL
           SELECT 'function', proname, prosrc, proacl::text, NULL
           FROM pg_proc WHERE pronamespace = 'public'::regnamespace
         ORDER BY 1, 2, 3, 4"""
    )
    await connection.close()
    return [tuple(row) for row in rows]


async def test_migrating_again_changes_nothing(empty: str) -> None:
    assert (await migrate(empty))[-1] == HEAD
    before = await _schema(empty)
    assert await migrate(empty) == []
    assert await _schema(empty) == before


async def test_of_two_migrations_at_once_one_applies_and_the_other_waits(empty: str) -> None:
    done = await asyncio.gather(migrate(empty), migrate(empty), migrate(empty))
    assert sorted(done) == [[], [], REVISIONS]


async def test_databases_of_one_server_are_migrated_at_once(
    postgres_server: EmbeddedPostgres,
) -> None:
    """Roles belong to the server: the migrations meet there."""
    with ExitStack() as stack:
        databases = [stack.enter_context(fresh_database(postgres_server.dsn)) for _ in range(3)]
        assert await asyncio.gather(*map(_migrate_in_a_process, databases)) == [0] * 3
        for dsn in databases:
            assert await migrate(dsn) == []


async def _migrate_in_a_process(dsn: str) -> int:
    program = "import asyncio, sys; from store.migrate import migrate; "
    program += "asyncio.run(migrate(sys.argv[1]))"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, dsn)
    return await process.wait()


async def test_a_superuser_migrates_and_serves_with_row_level_security(tmp_path: Path) -> None:
    async with EmbeddedPostgres(tmp_path) as server:
        password = keep_passwords(tmp_path / "passwords.json").superuser
        host = urlsplit(server.dsn).port
        dsn = f"postgresql://postgres:{password}@127.0.0.1:{host}/postgres"
        assert await migrate(dsn) == REVISIONS
        await ensure_generation(dsn, **WANTED)  # type: ignore[arg-type]
        store = await Store.connect(dsn, pool_size=2)
        await store.check()
        tenant, other = await a_tenant(store), await a_tenant(store)
        await indexed(store, tenant, b"x", ["text"])
        async with store.tenant(other) as tx:
            assert await tx.connection.value("SELECT count(*) FROM documents") == 0
            assert await tx.connection.value("SELECT count(*) FROM chunks_g1") == 0
        await store.close()
        # Roles belong to the server: another owner needs no more than the right to take them on.
        with pytest.raises(Misconfigured, match=r"role \"ragline_app\".* as the owner"):
            await migrate(server.dsn)


async def test_a_login_that_is_not_the_owner_serves_when_it_was_given_the_roles(
    fresh: str,
) -> None:
    await ensure_generation(fresh, **WANTED)  # type: ignore[arg-type]
    owner = await asyncpg.connect(fresh)
    await owner.execute(
        """DROP ROLE IF EXISTS test_service;
           CREATE ROLE test_service LOGIN PASSWORD 'secret' NOINHERIT;
           GRANT ragline_app, ragline_system TO test_service WITH INHERIT FALSE, SET TRUE"""
    )
    parts = urlsplit(fresh)
    dsn = parts._replace(netloc=f"test_service:secret@{parts.hostname}:{parts.port}").geturl()
    store = await Store.connect(dsn, pool_size=1)
    await store.check()
    await indexed(store, await a_tenant(store), b"x", ["text"])
    async with store.system() as system:
        assert await system.relay.waiting(limit=1, tenant_in_flight=1) == []
    await store.close()
    await owner.execute("DROP ROLE test_service")
    await owner.close()


async def test_the_first_generation_is_made_once(fresh: str) -> None:
    made = await asyncio.gather(*(ensure_generation(fresh, **WANTED) for _ in range(3)))  # type: ignore[arg-type]
    assert made == [Generation(generation_id=1, state="active", **WANTED)] * 3  # type: ignore[arg-type]


async def test_an_empty_generation_gives_way_to_another(fresh: str) -> None:
    await ensure_generation(fresh, **WANTED)  # type: ignore[arg-type]
    made = await ensure_generation(
        fresh, strategy="sentence_5", embedding_model="large", dimensions=3072
    )
    assert (made.generation_id, made.dimensions, made.state) == (2, 3072, "active")
    store = await Store.connect(fresh, pool_size=1)
    async with store.system() as system:
        assert await system.generations.active() == made
        assert await system.generations.fed() == [made]
        first = await system.generations.get(1)
    await store.close()
    assert first is not None
    assert first.state == "dropped"


async def test_a_generation_with_chunks_stays(fresh: str) -> None:
    first = await ensure_generation(fresh, **WANTED)  # type: ignore[arg-type]
    store = await Store.connect(fresh, pool_size=1)
    await indexed(store, await a_tenant(store), b"x", ["text"])
    other = await ensure_generation(
        fresh, strategy="sentence_3", embedding_model="test-8", dimensions=8
    )
    await store.close()
    assert other == first


async def test_a_generation_stays_while_a_document_is_on_its_way(fresh: str) -> None:
    first = await ensure_generation(fresh, **WANTED)  # type: ignore[arg-type]
    changed = {"strategy": "sentence_3", "embedding_model": "test-8", "dimensions": 8}
    store = await Store.connect(fresh, pool_size=1)
    tenant = await a_tenant(store)
    document = await accepted(store, tenant, b"x")
    assert await ensure_generation(fresh, **changed) == first  # type: ignore[arg-type]
    async with store.tenant(tenant) as tx:
        await tx.jobs.fail(document.job_id, stage="parse", code="x", message="x")
    assert (await ensure_generation(fresh, **changed)).generation_id == 2  # type: ignore[arg-type]
    await store.close()


@pytest.mark.parametrize("dimensions", [8, 1536, 1900, 2000, 3072, 4000])
async def test_vectors_of_every_size_are_stored_and_found_beside_long_texts(
    fresh: str, dimensions: int
) -> None:
    await ensure_generation(
        fresh, strategy="sentence_5", embedding_model="m", dimensions=dimensions
    )
    store = await Store.connect(fresh, pool_size=1)
    tenant = await a_tenant(store)
    texts = [f"{'long words ' * 5000}{n}" for n in range(3)]
    vectors = [a_vector(n, dimensions) for n in range(3)]
    await indexed(store, tenant, b"x", texts, vectors)
    async with store.tenant(tenant) as tx:
        found = await tx.chunks.nearest(1, Search(vector=vectors[1], limit=3))
    await store.close()
    assert found[0].text == texts[1]
    assert found[0].similarity == pytest.approx(1, abs=1e-3)
    assert len(found) == 3


async def test_a_database_that_was_never_migrated_is_refused_with_what_to_do(empty: str) -> None:
    store = await Store.connect(empty, pool_size=1)
    with pytest.raises(Misconfigured, match="run `ragline migrate`"):
        await store.check()
    await store.close()


async def test_a_schema_of_another_version_is_refused_with_what_to_do(fresh: str) -> None:
    store = await Store.connect(fresh, pool_size=1)
    await store.check()
    connection = await asyncpg.connect(fresh)
    await connection.execute("UPDATE alembic_version SET version_num = '0000'")
    with pytest.raises(
        Misconfigured, match=rf"schema 0000, .* works with {HEAD}: run `ragline migrate`"
    ):
        await store.check()
    await connection.close()
    await store.close()


async def test_a_newer_schema_serves_while_a_release_is_rolled_out_or_back(fresh: str) -> None:
    store = await Store.connect(fresh, pool_size=1)
    connection = await asyncpg.connect(fresh)
    newer = f"{int(HEAD) + 1:04}"
    await connection.execute("UPDATE alembic_version SET version_num = $1", newer)
    await connection.close()
    await store.check()
    await store.close()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"path": "/nowhere"}, 'database "nowhere" does not exist'),
        ({"netloc": "ragline:wrong@{host}"}, "password authentication failed"),
        ({"scheme": "mysql"}, "DATABASE_URL is not usable"),
    ],
)
async def test_a_wrong_address_is_refused_with_its_reason(
    postgres_server: EmbeddedPostgres, change: dict[str, str], sentence: str
) -> None:
    parts = urlsplit(postgres_server.dsn)
    host = f"{parts.hostname}:{parts.port}"
    dsn = parts._replace(**{k: v.format(host=host) for k, v in change.items()}).geturl()
    with pytest.raises(Misconfigured, match=sentence):
        await Store.connect(dsn)
