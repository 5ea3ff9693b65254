"""The server goes away in the middle; the store says so, and works again when it is back."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from contracts.errors import StoreUnavailable
from contracts.ids import TenantId
from runtime.embedded import EmbeddedPostgres
from runtime.postgres import ACQUIRE_SECONDS
from store import Store
from store.migrate import ensure_generation, migrate
from store.outbox import CHANNEL
from tests.integration.store.given import a_file, a_tenant, accepted

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[EmbeddedPostgres]:
    """A server of this test's own, with a schema."""
    running = EmbeddedPostgres(tmp_path)
    await running.start()
    await migrate(running.dsn)
    await ensure_generation(
        running.dsn, strategy="sentence_5", embedding_model="test-8", dimensions=8
    )
    yield running
    await running.stop()


async def test_killed_in_the_middle_says_so_and_heals_when_the_server_is_back(
    server: EmbeddedPostgres,
) -> None:
    store = await Store.connect(server.dsn, pool_size=4)
    tenant = await a_tenant(store)
    before = await accepted(store, tenant, b"before")
    inside, killed = asyncio.Event(), asyncio.Event()

    async def work(statement: str) -> None:
        async with store.tenant(tenant) as tx:
            await tx.documents.accept(a_file(tenant, statement.encode()), trace_id=None)
            inside.set()
            if "sleep" not in statement:
                await killed.wait()
            await tx.connection.value(statement)

    working = [asyncio.create_task(work(s)) for s in ("SELECT 1", "SELECT pg_sleep(30)")]
    await inside.wait()
    await asyncio.sleep(0.2)
    server.kill()
    await asyncio.sleep(0.2)
    killed.set()
    for done in await asyncio.gather(*working, return_exceptions=True):
        assert isinstance(done, StoreUnavailable)
    await _is_away(store, tenant)

    await server.start()
    await store.check()
    async with store.tenant(tenant) as tx:
        found = await tx.documents.list(limit=10)
    assert [document.document_id for document in found] == [before.document_id]
    after = await asyncio.gather(*(accepted(store, tenant, b"after %d" % n) for n in range(8)))
    assert not any(one.deduplicated for one in after)
    await store.close()


async def _is_away(store: Store, tenant: TenantId) -> None:
    with pytest.raises(StoreUnavailable):
        await store.check()
    for _ in range(6):  # more than the pool has connections
        with pytest.raises(StoreUnavailable):
            await accepted(store, tenant, b"while it is away")


async def test_every_connection_cut_off_by_an_operator_is_replaced(
    server: EmbeddedPostgres,
) -> None:
    store = await Store.connect(server.dsn, pool_size=3)
    tenant = await a_tenant(store)
    await asyncio.gather(*(accepted(store, tenant, b"%d" % n) for n in range(6)))
    admin = await asyncpg.connect(server.dsn)
    await admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'ragline' AND pid <> pg_backend_pid()"
    )
    await admin.close()
    refused = 0
    for n in range(6):
        try:
            await accepted(store, tenant, b"again %d" % n)
        except StoreUnavailable:
            refused += 1
    assert refused <= 3  # a connection may learn of it only when it is used
    await accepted(store, tenant, b"last")
    await store.close()


async def test_a_server_that_is_away_is_said_to_be_at_the_first_connection(
    server: EmbeddedPostgres,
) -> None:
    await server.stop()
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        await Store.connect(server.dsn)
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        await migrate(server.dsn)


async def test_a_pool_at_its_limit_gives_up_after_seconds_not_minutes(
    server: EmbeddedPostgres,
) -> None:
    store = await Store.connect(server.dsn, pool_size=1)
    tenant = TenantId(await a_tenant(store))
    began = time.monotonic()
    async with store.tenant(tenant):
        with pytest.raises(StoreUnavailable):
            async with store.tenant(tenant):
                pytest.fail("There was one connection only.")
    assert ACQUIRE_SECONDS - 1 < time.monotonic() - began < ACQUIRE_SECONDS + 10
    await accepted(store, tenant, b"afterwards")
    await store.close()


async def test_a_deadlock_passes_by_itself(server: EmbeddedPostgres) -> None:
    store = await Store.connect(server.dsn, pool_size=3)
    tenant = await a_tenant(store)
    documents = [await accepted(store, tenant, b"%d" % n) for n in range(2)]
    both = asyncio.Barrier(2)

    async def delete(first: int, second: int) -> None:
        async with store.tenant(tenant) as tx:
            await tx.documents.delete(documents[first].document_id)
            await both.wait()
            await tx.documents.delete(documents[second].document_id)

    done = await asyncio.gather(delete(0, 1), delete(1, 0), return_exceptions=True)
    assert sorted(type(one).__name__ for one in done) == ["NoneType", "StoreUnavailable"]
    await store.close()


async def test_leadership_is_lost_with_the_server_and_had_again_afterwards(
    server: EmbeddedPostgres,
) -> None:
    store = await Store.connect(server.dsn, pool_size=2)
    async with store.lead("relay") as leadership:
        assert leadership
        server.kill()
        await asyncio.wait_for(leadership.lost.wait(), 10)
        assert not leadership
    await server.start()
    async with store.lead("relay") as leadership:
        assert leadership
    await store.close()


async def test_listening_goes_on_after_the_server_was_away(server: EmbeddedPostgres) -> None:
    store = await Store.connect(server.dsn, pool_size=2)
    async with store.listen(CHANNEL) as notified:
        await asyncio.wait_for(notified.wait(), 5)
        notified.clear()
        server.kill()
        await asyncio.sleep(0.5)
        assert not notified.is_set()
        await server.start()
        await asyncio.wait_for(notified.wait(), 15)  # something may have been missed
        notified.clear()
        async with store.system() as system:
            await system.connection.run(f"NOTIFY {CHANNEL}")
        await asyncio.wait_for(notified.wait(), 5)
    await store.close()
