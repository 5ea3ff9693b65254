"""What was accepted gets to Kafka: in order per key, fairly, and when Kafka is back."""

import asyncio
import hashlib
import socket
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, ConsumerRecord
from typing_extensions import override

from contracts import ids
from contracts.envelope import Outgoing
from contracts.errors import BrokerUnavailable
from contracts.ids import DocumentId, JobId, TenantId, document_id
from contracts.topics import DOCUMENTS_PARSED, DOCUMENTS_UPLOADED, Topic
from gateway import outbox
from gateway.documents.announcing import announce_again
from gateway.health import check_backlog
from gateway.outbox import OutboxRelay
from runtime.kafka import KafkaConnection, Publisher
from runtime.kafka.publisher import Placed
from store import Store
from store.documents import Accepted
from tests.integration.gateway.waiting import until
from tests.integration.store.given import a_file, a_tenant, accepted

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest_asyncio.fixture
async def publisher(topics: str) -> AsyncIterator[Publisher]:
    made = Publisher(KafkaConnection(servers=topics), client_id="relay")
    yield made
    await made.stop()


@pytest_asyncio.fixture
async def relay(store: Store, publisher: Publisher) -> OutboxRelay:
    # What other tests of this module left goes first.
    await drain(OutboxRelay(store=store, publisher=publisher, tenant_in_flight=10_000))
    return OutboxRelay(store=store, publisher=publisher, tenant_in_flight=5)


async def drain(relay: OutboxRelay) -> None:
    while await relay.publish_waiting() or relay.unacknowledged:
        pass


def tombstone(tenant: TenantId, key: str, topic: Topic = DOCUMENTS_UPLOADED) -> Outgoing:
    return Outgoing(
        topic=topic, key=key, tenant_id=tenant, event=None, event_id=ids.event_id(uuid.uuid4())
    )


async def say(
    store: Store, tenant: TenantId, key: str, note: str, job_id: JobId | None = None
) -> None:
    async with store.tenant(tenant) as tx:
        await tx.outbox.append(tombstone(tenant, key), headers={"note": note}, job_id=job_id)


async def upload(
    store: Store, tenant: TenantId, content: bytes, note: str, **more: object
) -> Accepted:
    """Accept a file with its event, as the gateway does."""
    async with store.tenant(tenant) as tx:
        document = await tx.documents.accept(a_file(tenant, content, **more), trace_id=None)
        found = await tx.documents.get(document.document_id)
        assert found is not None
        outgoing = await announce_again(tx, tenant, found)
        headers = {"note": note, "traceparent": TRACE}
        await tx.outbox.append(outgoing, headers=headers, job_id=document.job_id)
    return document


async def published(servers: str, tenant_keys: set[str]) -> dict[str, list[ConsumerRecord]]:
    """Read the whole topic and return the records of some keys, in the order of each."""
    consumer = AIOKafkaConsumer(
        DOCUMENTS_UPLOADED.name, bootstrap_servers=servers, auto_offset_reset="earliest"
    )
    await consumer.start()
    found: dict[str, list[ConsumerRecord]] = defaultdict(list)
    ends = await consumer.end_offsets(consumer.assignment())
    for partition, end in ends.items():
        while await consumer.position(partition) < end:
            for record in (await consumer.getmany(partition, timeout_ms=1000)).get(partition, []):
                if (record.key or b"").decode() in tenant_keys:
                    found[(record.key or b"").decode()].append(record)
    await consumer.stop()
    return found


def notes(records: list[ConsumerRecord]) -> list[str]:
    return [dict(record.headers)["note"].decode() for record in records]


@pytest.mark.asyncio
async def test_each_key_is_published_in_the_order_of_its_rows(
    store: Store, relay: OutboxRelay, topics: str
) -> None:
    tenants = [await a_tenant(store) for _ in range(3)]
    keys = {f"{tenant}:{name}": tenant for tenant in tenants for name in "abcd"}
    for number in range(15):
        for key, tenant in keys.items():
            await say(store, tenant, key, str(number))
    await drain(relay)
    for records in (await published(topics, set(keys))).values():
        assert notes(records) == [str(number) for number in range(15)]


@pytest.mark.asyncio
async def test_nothing_is_published_twice_when_all_goes_well(
    store: Store, relay: OutboxRelay, topics: str
) -> None:
    tenant = await a_tenant(store)
    await say(store, tenant, "once", "1")
    await drain(relay)
    await drain(relay)
    assert len((await published(topics, {"once"}))["once"]) == 1


@pytest.mark.asyncio
async def test_a_tombstone_has_no_value_and_keeps_its_headers(
    store: Store, relay: OutboxRelay, topics: str
) -> None:
    tenant = await a_tenant(store)
    await say(store, tenant, str(tenant), "gone")
    await drain(relay)
    [record] = (await published(topics, {str(tenant)}))[str(tenant)]
    assert record.value is None
    assert notes([record]) == ["gone"]


@pytest.mark.asyncio
async def test_a_small_tenant_does_not_wait_behind_a_large_one(
    store: Store, relay: OutboxRelay
) -> None:
    large, small = await a_tenant(store), await a_tenant(store)
    jobs = [await accepted(store, large, f"{number}".encode()) for number in range(12)]
    for job in jobs:
        await say(store, large, str(job.document_id), "large", job.job_id)
    one = await accepted(store, small, b"one")
    await say(store, small, str(one.document_id), "small", one.job_id)

    await drain(relay)
    waiting = await _waiting(store, large)
    assert await _waiting(store, small) == []
    assert len(waiting) == 12 - 5  # as many as one tenant may have under way are in Kafka

    for job in jobs[:2]:
        async with store.tenant(large) as tx:
            await tx.jobs.finish(job.job_id)
    await drain(relay)
    assert await _waiting(store, large) == waiting[2:]


async def _waiting(store: Store, tenant: TenantId) -> list[str]:
    async with store.system() as tx:
        rows = await tx.relay.waiting(limit=1000, tenant_in_flight=1000)
    return [row.key for row in rows if row.tenant_id == tenant]


async def nothing_waits(store: Store, tenant: TenantId) -> bool:
    return not await _waiting(store, tenant)


@pytest.mark.asyncio
async def test_without_kafka_rows_are_kept_and_published_later(
    store: Store, relay: OutboxRelay, topics: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await a_tenant(store)
    for note in "123":
        await say(store, tenant, str(tenant), note)
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # and nobody listens
        away = KafkaConnection(servers=f"127.0.0.1:{held.getsockname()[1]}")
        cut_off = Publisher(away, client_id="cut-off")
        lonely = OutboxRelay(store=store, publisher=cut_off, tenant_in_flight=5)
        assert await lonely.publish_waiting() is False
        await cut_off.stop()
    assert len(await _waiting(store, tenant)) == 3
    monkeypatch.setattr("gateway.health.LONG_WAIT_SECONDS", 0)
    with pytest.raises(BrokerUnavailable, match="3 accepted events wait"):
        await check_backlog(store, tenant_in_flight=5)
    await drain(relay)
    await check_backlog(store, tenant_in_flight=5)
    assert notes((await published(topics, {str(tenant)}))[str(tenant)]) == ["1", "2", "3"]


class Refusing(Publisher):
    """A publisher that takes no record of one key."""

    key = ""

    async def publish_raw(self, **record: object):  # type: ignore[no-untyped-def,override]
        if record["key"] == self.key:
            raise BrokerUnavailable
        return await super().publish_raw(**record)  # type: ignore[arg-type]


@pytest.mark.asyncio
async def test_what_fails_holds_back_its_own_key_alone(
    store: Store, relay: OutboxRelay, topics: str
) -> None:
    tenant = await a_tenant(store)
    stuck, free = f"{tenant}:stuck", f"{tenant}:free"
    for note in "12":
        await say(store, tenant, stuck, note)
        await say(store, tenant, free, note)
    refusing = Refusing(KafkaConnection(servers=topics), client_id="refusing")
    refusing.key = stuck
    await OutboxRelay(store=store, publisher=refusing, tenant_in_flight=5).publish_waiting()
    await refusing.stop()
    assert await _waiting(store, tenant) == [stuck, stuck]
    await drain(relay)
    found = await published(topics, {stuck, free})
    assert {key: notes(records) for key, records in found.items()} == {
        stuck: ["1", "2"],
        free: ["1", "2"],
    }


@pytest.mark.asyncio
async def test_a_running_relay_is_woken_by_the_commit(
    store: Store, relay: OutboxRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "SWEEP_SECONDS", 3600.0)
    running = asyncio.create_task(relay.run())
    try:
        tenant = await a_tenant(store)
        await asyncio.sleep(0.5)  # it has looked, found nothing, and waits
        await say(store, tenant, str(tenant), "now")
        await until(lambda: nothing_waits(store, tenant), seconds=5)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.mark.asyncio
async def test_events_of_a_document_follow_its_upload_even_when_that_is_held_back(
    store: Store, relay: OutboxRelay
) -> None:
    tenant = await a_tenant(store)
    jobs = [await accepted(store, tenant, f"{number}".encode()) for number in range(7)]
    for job in jobs:
        await say(store, tenant, str(job.document_id), "uploaded", job.job_id)
    held = DocumentId(jobs[6].document_id)
    await say(store, tenant, str(held), "deleted")
    async with store.tenant(tenant) as tx:
        other = tombstone(tenant, str(held), DOCUMENTS_PARSED)
        await tx.outbox.append(other, headers={"note": "deleted"})
    await drain(relay)
    assert await _waiting(store, tenant) == [str(jobs[5].document_id), str(held), str(held)]


class WithoutTopic(Publisher):
    """A publisher that reaches every topic but one."""

    @override
    async def publish_raw(
        self,
        *,
        topic: str,
        key: str | bytes | None,
        value: bytes | None,
        headers: Mapping[str, str | bytes],
        partition: int | None = None,
    ) -> Placed:
        if topic == DOCUMENTS_PARSED.name:
            raise BrokerUnavailable
        return await super().publish_raw(
            topic=topic, key=key, value=value, headers=headers, partition=partition
        )


@pytest.mark.asyncio
async def test_an_upload_does_not_overtake_the_tombstones_of_the_deletion_before_it(
    store: Store, relay: OutboxRelay, topics: str
) -> None:
    tenant = await a_tenant(store)
    key = str(document_id(tenant, hashlib.sha256(b"again").digest()))
    async with store.tenant(tenant) as tx:
        await tx.outbox.append(tombstone(tenant, key, DOCUMENTS_PARSED), headers={})
    await upload(store, tenant, b"again", "again")
    halting = WithoutTopic(KafkaConnection(servers=topics), client_id="halting")
    await OutboxRelay(store=store, publisher=halting, tenant_in_flight=5).publish_waiting()
    await halting.stop()
    assert (await published(topics, {key})) == {}
    await drain(relay)
    assert notes((await published(topics, {key}))[key]) == ["again"]
