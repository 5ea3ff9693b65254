"""The relay shares among tenants and keeps order; each test has a database without other rows."""

import uuid
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from contracts import ids
from contracts.documents import DocumentStatusChanged
from contracts.envelope import Outgoing
from contracts.ids import DocumentId, EventId, JobId, TenantId
from contracts.topics import DOCUMENTS_PARSED, DOCUMENTS_STATUS, DOCUMENTS_UPLOADED, Topic
from store import Store
from store.relay import Backlog, OutboxRow
from tests.integration.store.given import a_tenant, accepted

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture(autouse=True)
async def nothing_waits(store: Store) -> AsyncIterator[None]:
    yield
    async with store.system() as system:
        while rows := await system.relay.waiting(limit=1000, tenant_in_flight=10_000):
            await system.relay.mark_published(rows)


async def _append(
    store: Store,
    tenant: TenantId,
    *keys: str,
    topic: Topic = DOCUMENTS_UPLOADED,
    jobs: bool = False,
) -> None:
    """Append a tombstone for each key; with ``jobs``, each as a document of its own."""
    for key in keys:
        job = (await accepted(store, tenant, uuid.uuid4().bytes)).job_id if jobs else None
        async with store.tenant(tenant) as tx:
            await tx.outbox.append(_outgoing(tenant, key, topic), headers={"a": "b"}, job_id=job)


def _outgoing(tenant: TenantId, key: str, topic: Topic) -> Outgoing:
    return Outgoing(
        topic=topic, key=key, tenant_id=tenant, event=None, event_id=EventId(uuid.uuid4())
    )


async def _waiting(store: Store, *, limit: int = 100, in_flight: int = 100) -> list[OutboxRow]:
    async with store.system() as system:
        return await system.relay.waiting(limit=limit, tenant_in_flight=in_flight)


async def _publish(store: Store, rows: list[OutboxRow]) -> None:
    async with store.system() as system:
        await system.relay.mark_published(rows)


def _keys(rows: list[OutboxRow]) -> list[str]:
    return [row.key for row in rows]


async def test_publishes_what_was_appended_and_only_once(store: Store) -> None:
    tenant = await a_tenant(store)
    event = DocumentStatusChanged(
        tenant_id=tenant,
        document_id=DocumentId(tenant),
        version=1,
        job_id=JobId(tenant),
        status="indexed",
        at=await _now(store),
    )
    outgoing = Outgoing(
        topic=DOCUMENTS_STATUS,
        key="k",
        tenant_id=tenant,
        event=event,
        event_id=ids.event_id("x"),
    )
    async with store.tenant(tenant) as tx:
        await tx.outbox.append(outgoing, headers={"ce_id": "1", "traceparent": "ü"})
    rows = await _waiting(store)
    assert [(row.topic, row.key, row.tenant_id, row.job_id) for row in rows] == [
        ("documents.status.v1", "k", tenant, None)
    ]
    assert rows[0].headers == {"ce_id": "1", "traceparent": "ü"}
    assert rows[0].value is not None
    assert b'"type":"document_status"' in rows[0].value
    await _publish(store, rows)
    assert await _waiting(store) == []


async def _now(store: Store) -> object:
    async with store.system() as system:
        return await system.connection.value("SELECT now()")


async def test_what_was_rolled_back_is_not_published(store: Store) -> None:
    tenant = await a_tenant(store)

    async def fail() -> None:
        async with store.tenant(tenant) as tx:
            await tx.outbox.append(_outgoing(tenant, "k", DOCUMENTS_UPLOADED), headers={})
            raise KeyError

    with pytest.raises(KeyError):
        await fail()
    assert await _waiting(store) == []


async def test_tenants_take_turns(store: Store) -> None:
    large, small = await a_tenant(store), await a_tenant(store)
    await _append(store, large, *(f"large {n}" for n in range(30)))
    await _append(store, small, "small 0", "small 1")
    assert _keys(await _waiting(store, limit=5)) == [
        "large 0",
        "small 0",
        "large 1",
        "small 1",
        "large 2",
    ]


async def test_many_tenants_share_one_batch(store: Store) -> None:
    tenants = [await a_tenant(store) for _ in range(8)]
    for tenant in tenants:
        await _append(store, tenant, *(f"{tenant} {n}" for n in range(3)))
    rows = await _waiting(store, limit=8)
    assert {row.tenant_id for row in rows} == set(tenants)
    assert all(row.key.endswith(" 0") for row in rows)


async def test_a_tenant_has_only_so_many_documents_under_way(store: Store) -> None:
    busy, other = await a_tenant(store), await a_tenant(store)
    await _append(store, busy, *(f"document {n}" for n in range(5)), jobs=True)
    await _append(store, other, "other", jobs=True)
    rows = await _waiting(store, in_flight=2)
    assert sorted(_keys(rows)) == ["document 0", "document 1", "other"]
    async with store.system() as system:
        assert await system.relay.backlog(tenant_in_flight=2) == Backlog(
            waiting=6, held_back=3, oldest_seconds=pytest.approx(0, abs=60)
        )
    await _publish(store, rows)
    assert await _waiting(store, in_flight=2) == []

    async with store.tenant(busy) as tx:
        job = rows[0].job_id if rows[0].tenant_id == busy else rows[1].job_id
        assert job is not None
        await tx.jobs.finish(job)
    assert _keys(await _waiting(store, in_flight=2)) == ["document 2"]


async def test_questions_do_not_wait_for_documents(store: Store) -> None:
    tenant = await a_tenant(store)
    await _append(store, tenant, *(f"document {n}" for n in range(50)), jobs=True)
    await _append(store, tenant, "question")
    assert _keys(await _waiting(store, limit=10, in_flight=1)) == ["document 0", "question"]


async def test_nothing_overtakes_a_document_of_its_key_that_is_held_back(store: Store) -> None:
    tenant = await a_tenant(store)
    await _append(store, tenant, "first", "second", jobs=True)
    await _append(store, tenant, "second", "first")
    await _append(store, tenant, "second", topic=DOCUMENTS_PARSED)
    rows = await _waiting(store, in_flight=1)
    assert [(row.topic, row.key, row.job_id is None) for row in rows] == [
        ("documents.uploaded.v1", "first", False),
        ("documents.uploaded.v1", "first", True),
        ("documents.parsed.v1", "second", True),
    ]


async def test_order_per_key_holds_however_the_batches_are_cut(store: Store) -> None:
    tenants = [await a_tenant(store) for _ in range(3)]
    for number in range(12):
        for tenant in tenants:
            key = f"{tenant} {number % 4}"
            await _append(store, tenant, key, jobs=number % 3 == 0)
    published: list[OutboxRow] = []
    while rows := await _waiting(store, limit=5, in_flight=4):
        await _publish(store, rows)
        published += rows
        for row in rows:
            if row.job_id is not None:
                async with store.tenant(row.tenant_id) as tx:
                    await tx.jobs.finish(row.job_id)
    assert len(published) == 36
    by_key: dict[str, list[int]] = {}
    for row in published:
        by_key.setdefault(row.key, []).append(row.outbox_id)
    assert all(order == sorted(order) for order in by_key.values())


async def test_a_tenant_with_much_to_say_leaves_nothing_behind(store: Store) -> None:
    tenant = await a_tenant(store)
    await _append(store, tenant, *(f"{n}" for n in range(60)))
    seen: list[str] = []
    while rows := await _waiting(store, limit=25):
        await _publish(store, rows)
        seen += _keys(rows)
    assert seen == [f"{n}" for n in range(60)]


async def test_published_rows_go_when_they_are_old(store: Store) -> None:
    tenant = await a_tenant(store)
    await _append(store, tenant, "old")
    await _publish(store, await _waiting(store))
    await _append(store, tenant, "waiting")
    async with store.system() as system:
        assert await system.relay.purge(3600) == 0
        assert await system.relay.purge(-1) >= 1
    assert _keys(await _waiting(store)) == ["waiting"]
