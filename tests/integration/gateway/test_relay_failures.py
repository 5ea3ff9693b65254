"""What one record meets on its way to Kafka stays with it; and what comes late is not the last."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from prometheus_client import REGISTRY
from typing_extensions import override

from contracts import ids
from contracts.codec import decode
from contracts.conversations import QuestionAsked
from contracts.documents import DocumentStatusChanged, DocumentUploaded
from contracts.envelope import Outgoing
from contracts.errors import BrokerUnavailable
from contracts.ids import JobId, TenantId, TurnId
from contracts.topics import CHAT_REQUESTED, DOCUMENTS_STATUS, DOCUMENTS_UPLOADED, HOUR, Topic
from gateway.documents.announcing import announce_again
from gateway.documents.deletion import delete_document
from gateway.outbox import OutboxRelay
from runtime.clock import SystemClock
from runtime.kafka import KafkaConnection, Publisher
from runtime.kafka.publisher import MAX_REQUEST_BYTES, Placed
from store import Store
from store.jobs import Job
from store.relay import OutboxRow
from tests.integration.gateway.test_relay import TRACE, drain, nothing_waits, say, upload
from tests.integration.gateway.waiting import until
from tests.integration.store.given import a_file, a_tenant, a_user

pytestmark = pytest.mark.asyncio

#: Nobody made it.
MISSING = Topic(
    name="documents.missing.v1",
    key="any",
    partitions=1,
    cleanup="delete",
    retention_ms=HOUR,
    owner="gateway",
    consumers=(),
    events=(),
)


class Slow(Publisher):
    """A publisher whose records of one key leave only when they are let go."""

    key = ""

    def __init__(self, servers: str) -> None:
        super().__init__(KafkaConnection(servers=servers), client_id="slow")
        self.taken = asyncio.Event()
        self.let_go = asyncio.Event()

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
        if key == self.key:
            self.taken.set()
            await self.let_go.wait()
        return await super().publish_raw(
            topic=topic, key=key, value=value, headers=headers, partition=partition
        )


@pytest_asyncio.fixture
async def publisher(topics: str) -> AsyncIterator[Publisher]:
    made = Publisher(KafkaConnection(servers=topics), client_id="relay")
    yield made
    await made.stop()


@pytest_asyncio.fixture
async def slow(topics: str) -> AsyncIterator[Slow]:
    made = Slow(topics)
    yield made
    await made.stop()


@pytest_asyncio.fixture
async def relay(store: Store, publisher: Publisher) -> OutboxRelay:
    made = OutboxRelay(store=store, publisher=publisher, tenant_in_flight=10_000)
    await drain(made)
    return made


@asynccontextmanager
async def running(relay: OutboxRelay) -> AsyncGenerator[asyncio.Task[None]]:
    task = asyncio.create_task(relay.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def records(servers: str, topic: Topic, key: str) -> list[ConsumerRecord]:
    """Return the records of a key, in their order."""
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, auto_offset_reset="earliest")
    await consumer.start()
    try:
        partitions = [TopicPartition(topic.name, number) for number in range(3)]
        consumer.assign(partitions)
        found: list[ConsumerRecord] = []
        for partition, end in (await consumer.end_offsets(partitions)).items():
            while await consumer.position(partition) < end:
                batch = await consumer.getmany(partition, timeout_ms=1000)
                found += [one for one in batch.get(partition, []) if one.key == key.encode()]
        return found
    finally:
        await consumer.stop()


async def job_of(store: Store, tenant: TenantId, job_id: JobId) -> Job:
    async with store.tenant(tenant) as tx:
        job = await tx.jobs.get(job_id)
    assert job is not None
    return job


@pytest.mark.parametrize("is_uploaded_again", [False, True], ids=["deleted", "uploaded again"])
async def test_a_record_of_the_leader_before_does_not_bring_back_what_was_deleted(
    store: Store, relay: OutboxRelay, slow: Slow, topics: str, *, is_uploaded_again: bool
) -> None:
    tenant, content = await a_tenant(store), uuid.uuid4().bytes
    document = await upload(store, tenant, content, "first")
    slow.key = str(document.document_id)
    deposed = OutboxRelay(store=store, publisher=slow, tenant_in_flight=10_000)
    async with running(deposed) as leading:
        await slow.taken.wait()
        leading.cancel()  # another leads from here on
        await drain(relay)
        await delete_document(document.document_id, tenant, store=store, clock=SystemClock())
        if is_uploaded_again:
            await upload(store, tenant, content, "second")
        await drain(relay)
        before = await records(topics, DOCUMENTS_UPLOADED, slow.key)
        assert not leading.done()  # its record may still arrive
        slow.let_go.set()
        await asyncio.wait([leading])
    after = await records(topics, DOCUMENTS_UPLOADED, slow.key)
    assert after[: len(before)] == before
    late, last = after[len(before) :]
    assert decode(DOCUMENTS_UPLOADED, late.value or b"").version == 1
    assert dict(last.headers)["traceparent"].decode()[:35] == TRACE[:35]
    if is_uploaded_again:
        event: DocumentUploaded = decode(DOCUMENTS_UPLOADED, last.value or b"")
        assert (event.version, event.job_id) == (2, ids.job_id(document.document_id, 2))
    else:
        assert last.value is None


async def test_a_late_tombstone_does_not_take_away_what_was_uploaded_again(
    store: Store, relay: OutboxRelay, slow: Slow, topics: str
) -> None:
    tenant, content = await a_tenant(store), uuid.uuid4().bytes
    document = await upload(store, tenant, content, "first")
    await drain(relay)
    await delete_document(document.document_id, tenant, store=store, clock=SystemClock())
    slow.key = str(document.document_id)
    async with running(OutboxRelay(store=store, publisher=slow, tenant_in_flight=1)) as leading:
        await slow.taken.wait()
        leading.cancel()
        await upload(store, tenant, content, "second")
        await drain(relay)
        slow.let_go.set()
        await asyncio.wait([leading])
    *_, late, last = await records(topics, DOCUMENTS_UPLOADED, slow.key)
    assert late.value is None
    assert decode(DOCUMENTS_UPLOADED, last.value or b"").version == 2


async def test_what_kafka_never_takes_fails_its_job_and_delays_nobody(
    store: Store, relay: OutboxRelay, topics: str
) -> None:
    tenant = await a_tenant(store)
    large = {"notes": "n" * MAX_REQUEST_BYTES}
    refused = await upload(store, tenant, b"large", "large", metadata=large)
    taken = await upload(store, tenant, b"small", "small")
    before = _refused()
    await drain(relay)
    assert await nothing_waits(store, tenant)
    job = await job_of(store, tenant, refused.job_id)
    assert (job.status, job.error_code) == ("failed", "event_too_large")
    assert job.error_message is not None
    assert "metadata" in job.error_message
    assert [stage.state for stage in job.stages] == ["failed", "waiting", "waiting"]
    assert _refused() == before + 1
    assert len(await records(topics, DOCUMENTS_UPLOADED, str(taken.document_id))) == 1
    [said] = await records(topics, DOCUMENTS_STATUS, str(refused.document_id))
    event: DocumentStatusChanged = decode(DOCUMENTS_STATUS, said.value or b"")
    assert (event.status, event.error_code) == ("failed", "event_too_large")
    again = await upload(store, tenant, b"large", "smaller", metadata={})
    assert again.version == 2


def _refused() -> float:
    labels = {"topic": DOCUMENTS_UPLOADED.name}
    return REGISTRY.get_sample_value("ragline_outbox_refused_total", labels) or 0


async def test_a_question_that_kafka_never_takes_has_failed(
    store: Store, relay: OutboxRelay
) -> None:
    user, turn_id = await a_user(store), TurnId(uuid.uuid4())
    async with store.tenant(user.tenant_id) as tx:
        talk = await tx.conversations.create(user.user_id, "Talk")
        turn = await tx.turns.ask(
            turn_id,
            talk.conversation_id,
            agent="a" * MAX_REQUEST_BYTES,
            question="Why?",
            options={},
            reply_partition=0,
            trace_id=None,
        )
        event = QuestionAsked(
            tenant_id=user.tenant_id,
            conversation_id=turn.conversation_id,
            turn_id=turn_id,
            user_id=user.user_id,
            agent=turn.agent,
            reply_partition=0,
        )
        outgoing = Outgoing(
            topic=CHAT_REQUESTED,
            key=str(talk.conversation_id),
            tenant_id=user.tenant_id,
            event=event,
            event_id=ids.event_id(turn_id),
        )
        await tx.outbox.append(outgoing, headers={})
    await drain(relay)
    async with store.tenant(user.tenant_id) as tx:
        failed = await tx.turns.get(turn_id)
    assert failed is not None
    assert (failed.state, failed.error_code) == ("failed", "event_too_large")


async def test_a_record_that_is_no_record_is_tried_three_times_and_then_ends(
    store: Store, relay: OutboxRelay
) -> None:
    tenant = await a_tenant(store)
    async with store.tenant(tenant) as tx:
        document = await tx.documents.accept(a_file(tenant, b"odd"), trace_id=None)
        found = await tx.documents.get(document.document_id)
        assert found is not None
        outgoing = await announce_again(tx, tenant, found)
        no_text: Any = {"note": 1}
        await tx.outbox.append(outgoing, headers=no_text, job_id=document.job_id)
    async with running(relay):
        await until(lambda: nothing_waits(store, tenant))
    job = await job_of(store, tenant, document.job_id)
    assert (job.status, job.error_code) == ("failed", "internal_error")


async def test_a_key_that_waits_for_kafka_keeps_no_other_key(
    store: Store, relay: OutboxRelay
) -> None:
    """The broker has no such topic: a send to it ends only by its time limit."""
    tenant = await a_tenant(store)
    outgoing = Outgoing(
        topic=MISSING, key="stuck", tenant_id=tenant, event=None, event_id=ids.event_id("stuck")
    )
    async with store.tenant(tenant) as tx:
        await tx.outbox.append(outgoing, headers={})
    async with running(relay):
        await until(lambda: relay.unacknowledged == 1)
        batches = 0
        while relay.unacknowledged:
            await say(store, tenant, f"{tenant}:{batches}", "free")
            await until(lambda: only_waits(store, tenant, "stuck"))
            batches += 1
    assert batches >= 3  # went by while one record was on its way
    await forget(store, tenant)


class Failing(Slow):
    """A publisher that Kafka takes no record of one key from."""

    tries = 0

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
        if key == self.key:
            self.tries += 1
            raise BrokerUnavailable
        return await super().publish_raw(
            topic=topic, key=key, value=value, headers=headers, partition=partition
        )


async def test_a_failing_key_is_tried_again_after_longer_and_longer_waits(
    store: Store, topics: str
) -> None:
    failing = Failing(topics)
    tenant = await a_tenant(store)
    failing.key = f"{tenant}:failing"
    await say(store, tenant, failing.key, "failing")
    relay = OutboxRelay(store=store, publisher=failing, tenant_in_flight=1)
    for number in range(30):
        await say(store, tenant, f"{tenant}:{number}", "free")
        await drain(relay)
        assert await only_waits(store, tenant, failing.key)
    assert 1 <= failing.tries < 10
    await failing.stop()
    await forget(store, tenant)


async def only_waits(store: Store, tenant: TenantId, key: str) -> bool:
    return {row.key for row in await waiting(store, tenant)} == {key}


async def waiting(store: Store, tenant: TenantId) -> list[OutboxRow]:
    async with store.system() as tx:
        rows = await tx.relay.waiting(limit=1000, tenant_in_flight=1000)
    return [row for row in rows if row.tenant_id == tenant]


async def forget(store: Store, tenant: TenantId) -> None:
    rows = await waiting(store, tenant)
    async with store.system() as tx:
        await tx.relay.mark_published(rows)
