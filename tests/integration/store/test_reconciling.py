"""Which jobs and turns stand still; each test has a database without other ones that do."""

import uuid
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from contracts.envelope import Outgoing
from contracts.ids import ConversationId, EventId, TenantId, TurnId
from contracts.topics import DOCUMENTS_UPLOADED
from store import Store
from store.documents import Accepted
from store.reconciling import StalledJob, UnmovedJobs
from store.users import User
from tests.integration.store.given import a_tenant, a_user, accepted

pytestmark = pytest.mark.asyncio

AFTER = 600.0
LONG_AGO = "now() - interval '1 hour'"


@pytest_asyncio.fixture(autouse=True)
async def nothing_stands_still(store: Store) -> AsyncIterator[None]:
    yield
    async with store.system() as system:
        left = await system.reconciling.stalled_jobs(after_seconds=-7200, limit=100)
    for job in left:
        async with store.tenant(job.tenant_id) as tx:
            await tx.jobs.finish(job.job_id)


async def _standing_still(store: Store, *, published: str = LONG_AGO) -> tuple[TenantId, Accepted]:
    tenant = await a_tenant(store)
    job = await accepted(store, tenant, uuid.uuid4().bytes)
    await _change(store, tenant, f"updated_at = {LONG_AGO}, published_at = {published}", job)
    return tenant, job


async def _change(store: Store, tenant: TenantId, change: str, job: Accepted) -> None:
    async with store.tenant(tenant) as tx:
        statement = f"UPDATE jobs SET {change} WHERE job_id = $1"  # noqa: S608 - of this file
        assert await tx.connection.change(statement, job.job_id) == 1


async def _stalled(store: Store) -> list[StalledJob]:
    async with store.system() as system:
        return await system.reconciling.stalled_jobs(after_seconds=AFTER, limit=10)


async def _take(store: Store, job: StalledJob) -> bool:
    async with store.tenant(job.tenant_id) as tx:
        return await tx.stalled_jobs.take(job)


async def test_finds_a_job_that_has_stood_still_for_long(store: Store) -> None:
    _, job = await _standing_still(store)
    [found] = await _stalled(store)
    assert (found.job_id, found.document_id, found.version, found.status, found.reconciled) == (
        job.job_id,
        job.document_id,
        1,
        "accepted",
        0,
    )
    async with store.system() as system:
        found_all = await system.reconciling.unmoved_jobs(after_seconds=AFTER)
    assert (found_all.jobs, found_all.oldest) == (1, job.job_id)
    assert found_all.oldest_seconds == pytest.approx(3600, abs=60)


@pytest.mark.parametrize("published", ["NULL", "now() - interval '1 minute'"])
async def test_waiting_for_a_place_in_kafka_is_not_standing_still(
    store: Store, published: str
) -> None:
    await _standing_still(store, published=published)
    assert await _stalled(store) == []
    async with store.system() as system:
        assert await system.reconciling.unmoved_jobs(after_seconds=AFTER) == UnmovedJobs(
            jobs=0, oldest_seconds=0, oldest=None
        )


async def test_a_job_that_moved_or_ended_is_not_taken_up(store: Store) -> None:
    for number in range(2):
        await _standing_still(store)
        [found] = await _stalled(store)
        async with store.tenant(found.tenant_id) as tx:
            if number:
                await tx.jobs.finish(found.job_id)
            else:
                await tx.jobs.start_stage(found.job_id, "parse", status="parsing")
        assert not await _take(store, found)
        assert await _stalled(store) == []


async def test_a_job_is_taken_up_once_and_then_left_alone_for_as_long(store: Store) -> None:
    tenant, job = await _standing_still(store)
    [found] = await _stalled(store)
    assert await _take(store, found)
    assert not await _take(store, found)
    assert await _stalled(store) == []
    async with store.system() as system:
        assert (await system.reconciling.unmoved_jobs(after_seconds=AFTER)).jobs == 1
    await _change(store, tenant, f"reconciled_at = {LONG_AGO}", job)
    [again] = await _stalled(store)
    assert again.reconciled == 1


async def test_tells_whether_every_part_is_in(store: Store) -> None:
    tenant = await a_tenant(store)
    document = await accepted(store, tenant, b"parts")
    which = (document.document_id, document.version)
    async with store.tenant(tenant) as tx:
        assert not await tx.stalled_jobs.is_indexed(*which)
        await tx.parts.expect(*which, 1, part_count=2, chunks_total=2)
        await tx.parts.complete(*which, 1, chunks=1, tokens=1)
        assert not await tx.stalled_jobs.is_indexed(*which)
        await tx.parts.complete(*which, 1, chunks=1, tokens=1)
        assert await tx.stalled_jobs.is_indexed(*which)


async def test_finds_questions_that_nobody_answers(store: Store) -> None:
    user = await a_user(store)
    expected: set[TurnId] = set()
    for seconds, state, lease, is_stalled in (
        (0, "waiting", None, False),
        (3600, "waiting", None, True),
        (3600, "answering", 20, False),
        (3600, "answering", -60, False),
        (3600, "answering", -1200, True),
        (3600, "done", None, False),
    ):
        turn = await _asked(store, user)
        async with store.tenant(user.tenant_id) as tx:
            await tx.connection.change(
                """UPDATE turns SET created_at = now() - make_interval(secs => $2), state = $3,
                                    lease_until = now() + make_interval(secs => $4)
                   WHERE turn_id = $1""",
                turn,
                seconds,
                state,
                lease,
            )
        expected |= {turn} if is_stalled else set()
    async with store.system() as system:
        found = await system.reconciling.stalled_turns(after_seconds=AFTER, limit=10)
    assert {turn for _, turn in found} == expected
    assert {tenant for tenant, _ in found} == {user.tenant_id}


async def _asked(store: Store, user: User) -> TurnId:
    turn_id = TurnId(uuid.uuid4())
    async with store.tenant(user.tenant_id) as tx:
        talk = await tx.conversations.create(user.user_id, "Talk")
        await tx.turns.ask(
            turn_id,
            ConversationId(talk.conversation_id),
            agent="answer",
            question="Why?",
            options={},
            reply_partition=0,
            trace_id=None,
        )
    return turn_id


async def test_a_document_that_waits_in_the_outbox_is_about_to_move(store: Store) -> None:
    tenant, job = await _standing_still(store)
    outgoing = Outgoing(
        topic=DOCUMENTS_UPLOADED,
        key=str(job.document_id),
        tenant_id=tenant,
        event=None,
        event_id=EventId(uuid.uuid4()),
    )
    async with store.tenant(tenant) as tx:
        await tx.outbox.append(outgoing, headers={})
    assert await _stalled(store) == []
    async with store.system() as system:
        rows = await system.relay.waiting(limit=10, tenant_in_flight=10)
        await system.relay.mark_published(rows)
    assert [found.job_id for found in await _stalled(store)] == [job.job_id]
