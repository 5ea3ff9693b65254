import asyncio

import pytest

from contracts.ids import DocumentId, JobId
from store import Store
from store.jobs import Job
from tests.integration.store.given import GENERATION, a_tenant, accepted, indexed

pytestmark = pytest.mark.asyncio


def _states(job: Job | None) -> list[tuple[str, int, int]]:
    assert job is not None
    return [(stage.state, stage.attempts, stage.done) for stage in job.stages]


async def test_goes_through_its_stages_and_counts_every_change(store: Store) -> None:
    tenant = await a_tenant(store)
    job_id = (await accepted(store, tenant, b"a")).job_id
    async with store.tenant(tenant) as tx:
        await tx.jobs.start_stage(job_id, "parse", status="parsing")
        await tx.jobs.start_stage(job_id, "parse", status="parsing")
        job = await tx.jobs.get(job_id)
        assert _states(job) == [("running", 2, 0), ("waiting", 0, 0), ("waiting", 0, 0)]
        assert job is not None
        assert (job.status, job.revision) == ("parsing", 3)

        await tx.jobs.finish_stage(
            job_id, "parse", done=7, total=7, next_stage="chunk", status="chunking"
        )
        job = await tx.jobs.get(job_id)
        assert _states(job) == [("done", 2, 7), ("running", 1, 0), ("waiting", 0, 0)]
        assert job is not None
        assert (job.status, job.revision) == ("chunking", 4)

        await tx.jobs.finish_stage(
            job_id, "chunk", done=9, total=9, next_stage="embed", status="embedding"
        )
        await tx.jobs.advance(job_id, "embed", done=4, total=9)
        await tx.jobs.finish(job_id)
        job = await tx.jobs.get(job_id)
        assert [state for state, *_ in _states(job)] == ["done", "done", "done"]
        assert job is not None
        assert (job.status, job.revision) == ("indexed", 7)
        assert job.finished_at is not None
        assert all(stage.started_at and stage.finished_at for stage in job.stages)


async def test_a_stage_that_is_done_does_not_begin_again(store: Store) -> None:
    tenant = await a_tenant(store)
    job_id = (await accepted(store, tenant, b"a")).job_id
    async with store.tenant(tenant) as tx:
        await tx.jobs.finish_stage(
            job_id, "parse", done=1, total=1, next_stage="chunk", status="chunking"
        )
        await tx.jobs.start_stage(job_id, "parse", status="parsing")
        job = await tx.jobs.get(job_id)
    assert _states(job)[0] == ("done", 0, 1)
    assert job is not None
    assert (job.status, job.revision) == ("chunking", 2)


async def test_progress_never_goes_back(store: Store) -> None:
    tenant = await a_tenant(store)
    job_id = (await accepted(store, tenant, b"a")).job_id
    async with store.tenant(tenant) as tx:
        await tx.jobs.advance(job_id, "embed", done=5, total=9)
        await tx.jobs.advance(job_id, "embed", done=3, total=9)
        assert _states(await tx.jobs.get(job_id))[2][2] == 5


async def test_a_failed_job_says_why_and_changes_no_more(store: Store) -> None:
    tenant = await a_tenant(store)
    job_id = (await accepted(store, tenant, b"a")).job_id
    async with store.tenant(tenant) as tx:
        await tx.jobs.start_stage(job_id, "parse", status="parsing")
        assert await tx.jobs.fail(job_id, stage="parse", code="encrypted_document", message="Why.")
        before = await tx.jobs.get(job_id)
        assert not await tx.jobs.fail(job_id, stage="parse", code="other", message="Other.")
        await tx.jobs.start_stage(job_id, "parse", status="parsing")
        await tx.jobs.advance(job_id, "parse", done=1, total=1)
        await tx.jobs.finish_stage(
            job_id, "parse", done=1, total=1, next_stage="chunk", status="chunking"
        )
        await tx.jobs.finish(job_id)
        assert await tx.jobs.get(job_id) == before
    assert before is not None
    assert (before.status, before.error_code, before.error_message) == (
        "failed",
        "encrypted_document",
        "Why.",
    )
    assert [state for state, *_ in _states(before)] == ["failed", "waiting", "waiting"]


async def test_changes_at_once_are_all_counted(store: Store) -> None:
    tenant = await a_tenant(store)
    job_id = (await accepted(store, tenant, b"a")).job_id

    async def advance(done: int) -> None:
        async with store.tenant(tenant) as tx:
            await tx.jobs.advance(job_id, "embed", done=done, total=20)

    await asyncio.gather(*(advance(n) for n in range(20)))
    async with store.tenant(tenant) as tx:
        job = await tx.jobs.get(job_id)
    assert job is not None
    assert job.revision == 21


async def test_shows_pages_and_chunks_as_soon_as_they_are_known(store: Store) -> None:
    tenant = await a_tenant(store)
    document = await accepted(store, tenant, b"a")
    which = (document.document_id, document.version)
    async with store.tenant(tenant) as tx:
        await tx.documents.mark_parsed(
            *which, artefact_key="k", parser="p 1", pages=3, characters=90, pages_billed=3
        )
        await tx.parts.expect(*which, GENERATION, part_count=2, chunks_total=120)
        job = await tx.jobs.get(document.job_id)
    assert job is not None
    assert (job.pages, job.chunks) == (3, 120)


async def test_lists_the_newest_first_by_status_page_by_page(store: Store) -> None:
    tenant = await a_tenant(store)
    made = [(await accepted(store, tenant, b"%d" % n)).job_id for n in range(3)]
    done = await indexed(store, tenant, b"done", ["x"])
    async with store.tenant(tenant) as tx:
        first = await tx.jobs.list(limit=2)
        rest = await tx.jobs.list(limit=5, after=first[-1].job_id)
        finished = await tx.jobs.list(limit=5, status="indexed")
    assert [job.job_id for job in first + rest] == [done.job_id, *reversed(made)]
    assert [job.job_id for job in finished] == [done.job_id]


async def test_watchers_learn_what_changed_and_nothing_else(store: Store) -> None:
    tenant = await a_tenant(store)
    document = await accepted(store, tenant, b"a")
    unknown = JobId(DocumentId(document.document_id))
    async with store.tenant(tenant) as tx:
        await tx.jobs.start_stage(document.job_id, "parse", status="parsing")
    async with store.system() as system:
        assert await system.watch.jobs([document.job_id, unknown]) == {document.job_id: 2}
