"""Dead letters are kept once, seen by the system alone, and go with their document."""

import asyncio
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from contracts.ids import DocumentId, TenantId
from runtime.clock import SystemClock
from store import Store
from store.dead_letters import Chosen, DeadLetter, DeadRecord
from tests.integration.store.given import a_tenant, accepted

pytestmark = pytest.mark.asyncio

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def a_record(
    tenant: TenantId | None = None, document: DocumentId | None = None, **changes: object
) -> DeadRecord:
    given = DeadRecord(
        dead_letter_id=uuid.uuid4(),
        topic="parser.dlq.v1",
        partition=0,
        record_offset=uuid.uuid4().int % 2**40,
        recorded_at=SystemClock().now(),
        origin_topic="documents.uploaded.v1",
        origin_partition=3,
        origin_offset=7,
        consumer_group="parser",
        key=b"key",
        value=b"\x00\xffvalue",
        headers=[("b", b"\xff\x00"), ("a", b"text")],
        code="missing_blob",
        reason="The stored file is gone.",
        attempts=1,
        first_failure=NOW,
        last_failure=NOW,
        worker_version="1",
        tenant_id=tenant,
        document_id=document,
        redrives=0,
    )
    return replace(given, **changes)  # type: ignore[arg-type]


async def copied(store: Store, record: DeadRecord) -> bool:
    async with store.system() as tx:
        return await tx.dead_letters.copy(record)


async def found(store: Store, record: DeadRecord) -> DeadLetter | None:
    async with store.system() as tx:
        return await tx.dead_letters.get(record.dead_letter_id)


async def test_a_record_is_kept_byte_for_byte_and_once(store: Store) -> None:
    record = a_record(await a_tenant(store))
    assert await copied(store, record)
    assert not await copied(store, record)
    assert not await copied(store, replace(record, dead_letter_id=uuid.uuid4()))
    letter = await found(store, record)
    assert letter is not None
    assert (letter.key, letter.value, letter.headers) == (
        record.key,
        record.value,
        record.headers,
    )
    assert (letter.state, letter.settled_at) == ("waiting", None)


async def test_the_same_offset_of_a_kafka_that_was_set_up_anew_is_another_record(
    store: Store,
) -> None:
    record = a_record()
    assert await copied(store, record)
    later = record.recorded_at + timedelta(seconds=1)
    assert await copied(store, replace(record, dead_letter_id=uuid.uuid4(), recorded_at=later))


async def test_deleting_a_document_removes_its_dead_letters_and_no_others(store: Store) -> None:
    tenant = await a_tenant(store)
    gone = await accepted(store, tenant, b"gone")
    kept = await accepted(store, tenant, b"kept")
    records = [a_record(tenant, document.document_id) for document in (gone, kept)]
    for record in records:
        await copied(store, record)
    async with store.tenant(tenant) as tx:
        await tx.documents.delete(gone.document_id)
    assert await found(store, records[0]) is None
    assert await found(store, records[1]) is not None


async def test_of_a_deleted_document_nothing_is_kept(store: Store) -> None:
    tenant = await a_tenant(store)
    document = await accepted(store, tenant, b"deleted before")
    async with store.tenant(tenant) as tx:
        await tx.documents.delete(document.document_id)
    record = a_record(tenant, document.document_id)
    assert not await copied(store, record)
    assert await found(store, record) is None


async def test_a_deletion_on_its_way_is_waited_for(store: Store) -> None:
    tenant = await a_tenant(store)
    document = await accepted(store, tenant, b"being deleted")
    record = a_record(tenant, document.document_id)
    async with store.tenant(tenant) as tx:
        await tx.documents.delete(document.document_id)
        copying = asyncio.create_task(copied(store, record))
        await asyncio.sleep(0.2)
        assert not copying.done()
    assert not await copying
    assert await found(store, record) is None


async def test_no_tenant_reads_or_removes_anothers_dead_letters(store: Store) -> None:
    theirs, we = await a_tenant(store), await a_tenant(store)
    document = (await accepted(store, theirs, b"theirs")).document_id
    record = a_record(theirs, document)
    await copied(store, record)
    async with store.tenant(we) as tx:
        assert await tx.connection.change("DELETE FROM dead_letters") == 0
    for column in ("value", "reason", "headers", "key"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with store.tenant(theirs) as tx:
                await tx.connection.rows(f"SELECT {column} FROM dead_letters")  # noqa: S608
    assert await found(store, record) is not None


async def test_lists_what_fits_in_both_orders_page_by_page(store: Store) -> None:
    tenant = await a_tenant(store)
    base = datetime(2030, 1, 1, tzinfo=UTC)
    records = [
        a_record(
            tenant,
            recorded_at=base + timedelta(minutes=number),
            code="a" if number % 2 else "b",
            consumer_group="parser" if number < 3 else "chunker",
        )
        for number in range(5)
    ]
    for record in records:
        await copied(store, record)
    ids = [record.dead_letter_id for record in records]

    async def chosen(oldest: bool, after: int | None = None, **given: object) -> list[int]:  # noqa: FBT001
        which = Chosen(tenant_id=tenant, **given)  # type: ignore[arg-type]
        async with store.system() as tx:
            ask = tx.dead_letters.oldest if oldest else tx.dead_letters.newest
            rows = await ask(which, limit=3, after=None if after is None else ids[after])
        return [ids.index(row.dead_letter_id) for row in rows]

    assert await chosen(oldest=False) == [4, 3, 2]
    assert await chosen(oldest=False, after=2) == [1, 0]
    assert await chosen(oldest=True) == [0, 1, 2]
    assert await chosen(oldest=True, after=2) == [3, 4]
    assert await chosen(oldest=True, code="a") == [1, 3]
    assert await chosen(oldest=True, group="chunker") == [3, 4]
    assert await chosen(oldest=True, since=base + timedelta(minutes=3)) == [3, 4]
    assert await chosen(oldest=True, state="discarded") == []
    assert await chosen(oldest=True, document_id=DocumentId(uuid.uuid4())) == []


async def test_one_that_is_settled_does_not_wait(store: Store) -> None:
    record = a_record(code=f"code-{uuid.uuid4()}")
    await copied(store, record)
    key = ("parser", record.code)
    async with store.system() as tx:
        assert (await tx.dead_letters.waiting())[key] == 1
        done = await tx.dead_letters.settle(record.dead_letter_id, was="waiting", state="discarded")
        again = await tx.dead_letters.settle(record.dead_letter_id, was="waiting", state="redriven")
        assert key not in await tx.dead_letters.waiting()
    assert (done, again) == (True, False)
    letter = await found(store, record)
    assert letter is not None
    assert letter.state == "discarded"
    assert letter.settled_at is not None


async def test_old_ones_are_dropped(store: Store) -> None:
    old = a_record(recorded_at=SystemClock().now() - timedelta(days=91))
    fresh = a_record(recorded_at=SystemClock().now() - timedelta(days=89))
    for record in (old, fresh):
        await copied(store, record)
    async with store.system() as tx:
        assert await tx.dead_letters.drop_old() == 1
    assert await found(store, old) is None
    assert await found(store, fresh) is not None


async def test_a_failed_job_runs_again_and_can_succeed(store: Store) -> None:
    tenant = await a_tenant(store)
    document = await accepted(store, tenant, b"fails first")
    async with store.tenant(tenant) as tx:
        await tx.jobs.start_stage(document.job_id, "parse", status="parsing")
        assert not await tx.jobs.reopen(document.job_id, "parse")
        await tx.jobs.fail(document.job_id, stage="parse", code="x", message="A sentence.")
        before = await tx.jobs.get(document.job_id)
        assert await tx.jobs.reopen(document.job_id, "parse")
        after = await tx.jobs.get(document.job_id)
        await tx.jobs.start_stage(document.job_id, "parse", status="parsing")
        await tx.jobs.finish(document.job_id)
        ended = await tx.jobs.get(document.job_id)
    assert before is not None
    assert after is not None
    assert ended is not None
    assert after.revision > before.revision
    assert (after.status, after.error_code, after.error_message) == ("parsing", None, None)
    assert after.finished_at is None
    assert after.stages[0].state == "running"
    assert (ended.status, ended.stages[0].attempts) == ("indexed", 2)


async def test_counts_the_other_records_of_a_job_that_nobody_tries_again(store: Store) -> None:
    tenant = await a_tenant(store)
    document = (await accepted(store, tenant, b"parts")).document_id

    async def part(key: str, **changes: object) -> uuid.UUID:
        given: dict[str, object] = {"version": 2, "generation": 1, "consumer_group": "embedder"}
        record = a_record(tenant, document, key=key.encode(), **(given | changes))
        assert await copied(store, record)
        return record.dead_letter_id

    async def left(letter: uuid.UUID) -> int:
        async with store.system() as tx:
            return await tx.dead_letters.left_behind(letter)

    first, second, third = [await part(key) for key in ("0", "1", "2")]
    await part("0")  # the first one died twice
    for other in ({"version": 1}, {"generation": 2}, {"consumer_group": "chunker"}):
        await part("3", **other)
    assert await left(first) == 2
    async with store.system() as tx:
        await tx.dead_letters.settle(second, was="waiting", state="redriven")
    assert await left(first) == 1
    async with store.system() as tx:
        await tx.dead_letters.settle(third, was="waiting", state="discarded")
    assert await left(first) == 1


async def test_finds_what_was_given_up_of_a_version(store: Store) -> None:
    tenant = await a_tenant(store)
    document = (await accepted(store, tenant, b"given up")).document_id
    record = a_record(tenant, document, version=1, generation=1)
    assert await copied(store, record)
    async with store.system() as tx:
        for version, generation in ((2, 1), (1, 2)):
            assert await tx.dead_letters.of_version(document, version, generation) is None
        letter = await tx.dead_letters.of_version(document, 1, 1)
        assert letter is not None
        assert (letter.dead_letter_id, letter.version) == (record.dead_letter_id, 1)
        await tx.dead_letters.settle(record.dead_letter_id, was="waiting", state="redriven")
        assert await tx.dead_letters.of_version(document, 1, 1) is None
