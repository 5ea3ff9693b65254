"""What stands still is handed out again, finished or failed; what only waits is left alone."""

import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, TopicPartition

from contracts.codec import decode
from contracts.documents import DocumentStatusChanged, DocumentUploaded
from contracts.ids import JobId, TenantId, TurnId, event_id
from contracts.topics import (
    DOCUMENTS_PARSED,
    DOCUMENTS_STATUS,
    DOCUMENTS_UPLOADED,
    INPUTS,
    WorkerName,
)
from gateway.reconciler import MOST_TRIES, Reconciler
from gateway.unread import DOCUMENT_WORKERS, readings
from runtime.clock import SystemClock
from runtime.kafka import KafkaConnection, Publisher, TopicAdmin
from store import Store
from store.documents import Accepted
from store.jobs import Job
from store.relay import OutboxRow
from tests.integration.store.given import a_tenant, a_user, accepted, index

pytestmark = pytest.mark.asyncio

HOUR = "now() - interval '1 hour'"


@pytest.fixture
def reconciler(store: Store, topics: str) -> Reconciler:
    return Reconciler(
        store=store,
        kafka=KafkaConnection(servers=topics),
        clock=SystemClock(),
        after_seconds=600,
        turn_seconds=600,
    )


@pytest_asyncio.fixture(autouse=True)
async def nothing_is_left(store: Store, topics: str) -> AsyncIterator[None]:
    """Before: the workers have completed everything. After: no job stands still."""
    await everything_is_completed(topics)
    yield
    async with store.system() as system:
        left = await system.reconciling.stalled_jobs(after_seconds=-7200, limit=100)
    for job in left:
        async with store.tenant(job.tenant_id) as tx:
            await tx.jobs.finish(job.job_id)


async def everything_is_completed(servers: str) -> None:
    """Commit the ends of all topics that documents are read from."""
    for worker in DOCUMENT_WORKERS:
        for group in {group for group, _ in readings(worker)}:
            topics = [topic for name, topic in readings(worker) if name == group]
            await _complete(servers, group, topics)


async def _complete(servers: str, group: str, topics: list[str]) -> None:
    async with TopicAdmin(KafkaConnection(servers=servers)) as admin:
        counts = await admin.partition_counts(topics)
    partitions = [TopicPartition(topic, n) for topic in topics for n in range(counts[topic])]
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, group_id=group, enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign(partitions)
        await consumer.commit(await consumer.end_offsets(partitions))
    finally:
        await consumer.stop()


async def _stalled(store: Store, tenant: TenantId, *, job: Accepted | None = None) -> Accepted:
    """Return a job in Kafka on which nothing has happened for an hour."""
    found = job or await accepted(
        store, tenant, uuid.uuid4().bytes, metadata={"year": 1999}, knowledge_base="kb"
    )
    async with store.tenant(tenant) as tx:
        await tx.connection.change(
            f"UPDATE jobs SET updated_at = {HOUR}, published_at = {HOUR}, reconciled_at = {HOUR} "  # noqa: S608
            "WHERE job_id = $1",
            found.job_id,
        )
    return found


async def _outbox(store: Store, tenant: TenantId, *, in_flight: int = 100) -> list[OutboxRow]:
    """Return what waits to be published, and take it for published."""
    async with store.system() as system:
        rows = await system.relay.waiting(limit=1000, tenant_in_flight=in_flight)
        await system.relay.mark_published(rows)
    return [row for row in rows if row.tenant_id == tenant]


async def _job(store: Store, tenant: TenantId, job_id: JobId) -> Job:
    async with store.tenant(tenant) as tx:
        job = await tx.jobs.get(job_id)
    assert job is not None
    return job


async def test_a_lost_document_is_handed_out_again_as_it_was(
    store: Store, reconciler: Reconciler
) -> None:
    tenant = await a_tenant(store)
    document = await _stalled(store, tenant)
    assert await reconciler.reconcile_jobs() == 1
    assert await reconciler.reconcile_jobs() == 0
    [row] = await _outbox(store, tenant)
    assert (row.topic, row.key) == (DOCUMENTS_UPLOADED.name, str(document.document_id))
    assert row.headers["ce_id"] == str(event_id("uploaded", document.document_id, 1))
    event = decode(DOCUMENTS_UPLOADED, row.value or b"")
    assert isinstance(event, DocumentUploaded)
    created_at = (await _job(store, tenant, document.job_id)).created_at
    assert event == DocumentUploaded(
        tenant_id=tenant,
        document_id=document.document_id,
        version=1,
        job_id=document.job_id,
        filename="report.txt",
        media_type="text/plain",
        size=16,
        sha256=event.sha256,
        blob_key=document.blob_key,
        knowledge_base="kb",
        metadata={"year": 1999},
        uploaded_at=created_at,
    )
    assert len(event.sha256) == 64


async def test_a_job_under_way_is_not_held_back_by_its_own_place(
    store: Store, reconciler: Reconciler
) -> None:
    tenant = await a_tenant(store)
    await _stalled(store, tenant)
    await reconciler.reconcile_jobs()
    assert len(await _outbox(store, tenant, in_flight=1)) == 1


async def test_after_three_times_the_job_fails_and_says_so(
    store: Store, reconciler: Reconciler
) -> None:
    tenant = await a_tenant(store)
    document = await _stalled(store, tenant)
    for _ in range(MOST_TRIES):
        assert await reconciler.reconcile_jobs() == 1
        assert [row.topic for row in await _outbox(store, tenant)] == [DOCUMENTS_UPLOADED.name]
        await _stalled(store, tenant, job=document)
    assert await reconciler.reconcile_jobs() == 1
    job = await _job(store, tenant, document.job_id)
    assert (job.status, job.error_code) == ("failed", "stalled")
    assert job.error_message is not None
    assert "upload the file again" in job.error_message
    assert [stage.state for stage in job.stages] == ["failed", "waiting", "waiting"]
    [row] = await _outbox(store, tenant)
    event = decode(DOCUMENTS_STATUS, row.value or b"")
    assert isinstance(event, DocumentStatusChanged)
    assert (row.topic, event.status, event.error_code) == (
        DOCUMENTS_STATUS.name,
        "failed",
        "stalled",
    )
    assert await reconciler.reconcile_jobs() == 0


async def test_a_job_whose_parts_are_all_in_is_finished(
    store: Store, reconciler: Reconciler
) -> None:
    tenant = await a_tenant(store)
    document = await accepted(store, tenant, b"all in")
    async with store.tenant(tenant) as tx:
        await index(tx, document, ["one", "two"])
        await tx.connection.change(
            "UPDATE jobs SET status = 'embedding', finished_at = NULL WHERE job_id = $1",
            document.job_id,
        )
    await _stalled(store, tenant, job=document)
    assert await reconciler.reconcile_jobs() == 1
    assert (await _job(store, tenant, document.job_id)).status == "indexed"
    [row] = await _outbox(store, tenant)
    assert row.topic == DOCUMENTS_STATUS.name
    assert row.headers["ce_id"] == str(event_id("status", document.document_id, 1, "indexed", ""))


@pytest.mark.parametrize("worker", DOCUMENT_WORKERS)
async def test_nothing_is_lost_while_a_record_may_wait_for_a_worker(
    store: Store, reconciler: Reconciler, topics: str, worker: WorkerName
) -> None:
    publisher = Publisher(KafkaConnection(servers=topics), client_id="test")
    live, *_, last_retry = readings(worker)
    for group, topic in (live, last_retry):
        tenant = await a_tenant(store)
        document = await _stalled(store, tenant)
        await publisher.publish_raw(topic=topic, key="somebody's", value=b"", headers={})
        assert await reconciler.reconcile_jobs() == 0, topic
        assert await reconciler.reconcile_jobs() == 0, topic
        await _complete(topics, group, [topic])
        # What came after the job was seen to stand still does not hold it up.
        await publisher.publish_raw(topic=DOCUMENTS_PARSED.name, key="later", value=b"", headers={})
        assert await reconciler.reconcile_jobs() == 1, topic
        assert [row.key for row in await _outbox(store, tenant)] == [str(document.document_id)]
        await _complete(topics, "chunker", [INPUTS["chunker"].name])
    await publisher.stop()


async def test_a_document_that_is_deleted_meanwhile_is_left_alone(
    store: Store, reconciler: Reconciler
) -> None:
    tenant = await a_tenant(store)
    document = await _stalled(store, tenant)
    async with store.tenant(tenant) as tx:
        await tx.documents.delete(document.document_id)
        taking = asyncio.create_task(reconciler.reconcile_jobs())
        await asyncio.sleep(1)  # it has seen the job, and waits for the row
    await taking
    assert (await _job(store, tenant, document.job_id)).status == "deleted"
    assert await _outbox(store, tenant) == []


async def test_a_question_that_nobody_answers_has_an_end(
    store: Store, reconciler: Reconciler
) -> None:
    user = await a_user(store)
    lost, held = TurnId(uuid.uuid4()), TurnId(uuid.uuid4())
    async with store.tenant(user.tenant_id) as tx:
        talk = await tx.conversations.create(user.user_id, "Talk")
        for turn_id in (lost, held):
            await tx.turns.ask(
                turn_id,
                talk.conversation_id,
                agent="answer",
                question="Why?",
                options={},
                reply_partition=0,
                trace_id=None,
            )
        await tx.connection.change(f"UPDATE turns SET created_at = {HOUR}")  # noqa: S608
        await tx.turns.claim(held, owner="responder", seconds=30)
    assert await reconciler.reconcile_turns() == 1
    assert await reconciler.reconcile_turns() == 0
    async with store.tenant(user.tenant_id) as tx:
        failed, answering = await tx.turns.get(lost), await tx.turns.get(held)
    assert failed is not None
    assert answering is not None
    assert (failed.state, failed.error_code) == ("failed", "stalled")
    assert answering.state == "answering"
