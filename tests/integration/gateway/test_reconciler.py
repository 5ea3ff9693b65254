"""What stands still is handed out again, finished or failed; what only waits is left alone."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, TopicPartition

from contracts.codec import decode
from contracts.documents import DocumentStatusChanged, DocumentUploaded
from contracts.envelope import Outgoing
from contracts.errors import BrokerUnavailable
from contracts.ids import JobId, TenantId, TurnId, event_id
from contracts.topics import (
    CHAT_REQUESTED,
    DOCUMENTS_PARSED,
    DOCUMENTS_STATUS,
    DOCUMENTS_UPLOADED,
    INPUTS,
    RETRY_DELAYS,
    WORKERS,
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
from store.turns import Turn
from store.users import User
from tests.integration.store.given import a_tenant, a_user, accepted, index
from tests.integration.store.test_dead_letters import a_record

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
    """Commit the ends of all topics that workers read."""
    for worker in WORKERS:
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
    lost, held = await _asked(store, user), await _asked(store, user)
    async with store.tenant(user.tenant_id) as tx:
        await tx.turns.claim(held, owner="responder", seconds=30)
    assert await reconciler.reconcile_turns() == 1
    assert await reconciler.reconcile_turns() == 0
    failed = await _turn(store, user, lost)
    assert (failed.state, failed.error_code) == ("failed", "stalled")
    assert (await _turn(store, user, held)).state == "answering"
    await _end(store, user, held)


@pytest.mark.parametrize("number", range(1 + len(RETRY_DELAYS)), ids=["live", *RETRY_DELAYS])
async def test_a_question_is_not_lost_while_its_record_may_wait_for_the_responder(
    store: Store, reconciler: Reconciler, topics: str, number: int
) -> None:
    """However long: the responder may be down for an hour, and answers then."""
    group, topic = readings("responder")[number]
    user = await a_user(store)
    turn_id = await _asked(store, user)
    publisher = Publisher(KafkaConnection(servers=topics), client_id="test")
    await publisher.publish_raw(topic=topic, key="somebody's", value=b"", headers={})
    assert await reconciler.reconcile_turns() == 0
    assert await reconciler.reconcile_turns() == 0
    assert (await _turn(store, user, turn_id)).state == "waiting"
    await _complete(topics, group, [topic])
    # What came after the question was seen to stand still does not hold it up.
    await publisher.publish_raw(topic=topic, key="later", value=b"", headers={})
    assert await reconciler.reconcile_turns() == 1
    assert (await _turn(store, user, turn_id)).error_code == "stalled"
    await publisher.stop()


async def test_a_question_that_kafka_has_not_got_yet_is_not_lost(store: Store, topics: str) -> None:
    user = await a_user(store)
    turn_id = await _asked(store, user, is_in_outbox=True)
    reconciler = Reconciler(
        store=store,
        kafka=KafkaConnection(servers=topics),
        clock=SystemClock(),
        after_seconds=600,
        turn_seconds=0,
    )
    assert await reconciler.reconcile_turns() == 0
    assert len(await _outbox(store, user.tenant_id)) == 1
    assert await reconciler.reconcile_turns() == 1
    assert (await _turn(store, user, turn_id)).error_code == "stalled"


async def test_without_kafka_nothing_is_taken_for_lost(store: Store) -> None:
    user, tenant = await a_user(store), await a_tenant(store)
    turn_id, document = await _asked(store, user), await _stalled(store, tenant)
    blind = Reconciler(
        store=store,
        kafka=KafkaConnection(servers="127.0.0.1:1"),
        clock=SystemClock(),
        after_seconds=600,
        turn_seconds=600,
    )
    with pytest.raises(BrokerUnavailable):
        await blind.reconcile_turns()
    with pytest.raises(BrokerUnavailable):
        await blind.reconcile_jobs()
    assert (await _turn(store, user, turn_id)).state == "waiting"
    assert (await _job(store, tenant, document.job_id)).status == "accepted"
    await _end(store, user, turn_id)


async def test_a_job_whose_record_was_given_up_says_why_and_is_not_tried_again(
    store: Store, reconciler: Reconciler
) -> None:
    tenant = await a_tenant(store)
    document = await _stalled(store, tenant)
    record = a_record(
        tenant,
        document.document_id,
        consumer_group="chunker",
        code="unreadable_document",
        reason="It is damaged.",
        version=1,
        generation=0,
    )
    async with store.system() as system:
        assert await system.dead_letters.copy(replace(record, version=2))
    assert await reconciler.reconcile_jobs() == 1
    assert [row.topic for row in await _outbox(store, tenant)] == [DOCUMENTS_UPLOADED.name]
    async with store.system() as system:
        assert await system.dead_letters.copy(
            replace(record, dead_letter_id=uuid.uuid4(), record_offset=1)
        )
    await _stalled(store, tenant, job=document)
    assert await reconciler.reconcile_jobs() == 1
    job = await _job(store, tenant, document.job_id)
    assert (job.status, job.error_code, job.error_message) == (
        "failed",
        "unreadable_document",
        "It is damaged.",
    )
    [row] = await _outbox(store, tenant)
    assert row.topic == DOCUMENTS_STATUS.name
    assert await reconciler.reconcile_jobs() == 0


async def test_what_is_handed_out_again_goes_on_in_its_trace(
    store: Store, reconciler: Reconciler
) -> None:
    tenant, trace_id = await a_tenant(store), uuid.uuid4().hex
    document = await _stalled(store, tenant)
    async with store.tenant(tenant) as tx:
        await tx.connection.change(
            "UPDATE jobs SET trace_id = $2 WHERE job_id = $1", document.job_id, trace_id
        )
    assert await reconciler.reconcile_jobs() == 1
    [row] = await _outbox(store, tenant)
    assert row.headers["traceparent"].split("-")[1] == trace_id


async def _asked(store: Store, user: User, *, is_in_outbox: bool = False) -> TurnId:
    """Ask a question an hour ago; its record is in Kafka, or still in the outbox."""
    turn_id = TurnId(uuid.uuid4())
    async with store.tenant(user.tenant_id) as tx:
        talk = await tx.conversations.create(user.user_id, "Talk")
        await tx.turns.ask(
            turn_id,
            talk.conversation_id,
            agent="answer",
            question="Why?",
            options={},
            reply_partition=0,
            trace_id=None,
        )
        if is_in_outbox:
            outgoing = Outgoing(
                topic=CHAT_REQUESTED,
                key=str(talk.conversation_id),
                tenant_id=user.tenant_id,
                event=None,
                event_id=event_id(turn_id),
            )
            await tx.outbox.append(outgoing, headers={})
    if not is_in_outbox:
        async with store.tenant(user.tenant_id) as tx:
            await tx.connection.change(
                f"UPDATE turns SET created_at = {HOUR} WHERE turn_id = $1",  # noqa: S608
                turn_id,
            )
    return turn_id


async def _turn(store: Store, user: User, turn_id: TurnId) -> Turn:
    async with store.tenant(user.tenant_id) as tx:
        turn = await tx.turns.get(turn_id)
    assert turn is not None
    return turn


async def _end(store: Store, user: User, turn_id: TurnId) -> None:
    async with store.tenant(user.tenant_id) as tx:
        await tx.turns.cancel(turn_id)
