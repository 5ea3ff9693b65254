import asyncio

import pytest

from contracts.ids import DocumentId, TenantId
from store import Store
from store.chunks import Place
from store.ledger import LedgerKey
from tests.integration.store.given import (
    GENERATION,
    MODEL,
    a_chunk,
    a_file,
    a_tenant,
    a_vector,
    accepted,
    indexed,
    text_hash,
)

pytestmark = pytest.mark.asyncio


async def test_accepts_a_new_file_with_a_job_and_three_waiting_stages(store: Store) -> None:
    tenant = await a_tenant(store)
    async with store.tenant(tenant) as tx:
        new = a_file(tenant, metadata={"year": 2024}, filename="a.pdf")
        done = await tx.documents.accept(new, trace_id="abc")
        document = await tx.documents.get(done.document_id)
        job = await tx.jobs.get(done.job_id)

    assert (done.version, done.status, done.deduplicated) == (1, "accepted", False)
    assert done.blob_key == f"{done.document_id}/1"
    assert document is not None
    assert (document.filename, document.metadata) == ("a.pdf", {"year": 2024})
    assert (document.status, document.chunks, document.pages) == ("accepted", 0, None)
    assert job is not None
    assert (job.status, job.trace_id, job.filename) == ("accepted", "abc", "a.pdf")
    assert [(stage.name, stage.state) for stage in job.stages] == [
        ("parse", "waiting"),
        ("chunk", "waiting"),
        ("embed", "waiting"),
    ]


async def test_the_same_bytes_again_write_nothing(store: Store) -> None:
    tenant = await a_tenant(store)
    first = await accepted(store, tenant, b"same")
    again = await accepted(store, tenant, b"same", filename="other name.txt")

    assert again.deduplicated
    assert (again.document_id, again.job_id, again.version, again.blob_key) == (
        first.document_id,
        first.job_id,
        1,
        first.blob_key,
    )
    async with store.tenant(tenant) as tx:
        document = await tx.documents.get(first.document_id)
    assert document is not None
    assert document.filename == "report.txt"


async def test_the_same_bytes_of_another_tenant_are_another_document(store: Store) -> None:
    one = await accepted(store, await a_tenant(store), b"shared")
    other = await accepted(store, await a_tenant(store), b"shared")
    assert not other.deduplicated
    assert one.document_id != other.document_id


async def test_a_failed_document_begins_again_as_the_next_version(store: Store) -> None:
    tenant = await a_tenant(store)
    first = await accepted(store, tenant, b"broken")
    async with store.tenant(tenant) as tx:
        await tx.documents.mark_parsed(
            first.document_id,
            1,
            artefact_key="x",
            parser="p",
            pages=3,
            characters=9,
            pages_billed=3,
        )
        await tx.jobs.fail(first.job_id, stage="chunk", code="empty_document", message="Empty.")
    again = await accepted(store, tenant, b"broken", filename="second.txt")

    assert (again.version, again.deduplicated, again.status) == (2, False, "accepted")
    assert again.blob_key == f"{first.document_id}/2"
    assert again.job_id != first.job_id
    async with store.tenant(tenant) as tx:
        document = await tx.documents.get(first.document_id)
        old = await tx.jobs.get(first.job_id)
    assert document is not None
    assert (document.filename, document.artefact_key, document.pages) == ("second.txt", None, None)
    assert old is not None
    assert old.status == "failed"


async def test_a_deleted_document_comes_back_as_the_next_version(store: Store) -> None:
    tenant = await a_tenant(store)
    first = await indexed(store, tenant, b"come back", ["one"])
    async with store.tenant(tenant) as tx:
        await tx.documents.delete(first.document_id)
    again = await accepted(store, tenant, b"come back")

    assert (again.version, again.deduplicated) == (2, False)
    async with store.tenant(tenant) as tx:
        document = await tx.documents.get(first.document_id)
        assert document is not None
        assert document.chunks == 0
        assert not await tx.documents.is_current(first.document_id, 1)
        assert await tx.documents.is_current(first.document_id, 2)


async def test_of_many_uploads_of_the_same_bytes_at_once_one_begins(store: Store) -> None:
    tenant = await a_tenant(store)
    done = await asyncio.gather(*(accepted(store, tenant, b"race") for _ in range(10)))
    assert sorted(one.deduplicated for one in done) == [False] + [True] * 9
    assert {(one.version, one.job_id) for one in done} == {(1, done[0].job_id)}


async def test_of_many_uploads_after_a_failure_at_once_one_begins(store: Store) -> None:
    tenant = await a_tenant(store)
    first = await accepted(store, tenant, b"race after failure")
    async with store.tenant(tenant) as tx:
        await tx.jobs.fail(first.job_id, stage="parse", code="x", message="y")
    done = await asyncio.gather(
        *(accepted(store, tenant, b"race after failure") for _ in range(10))
    )
    assert sorted(one.deduplicated for one in done) == [False] + [True] * 9
    assert {one.version for one in done} == {2}


async def test_lists_the_newest_first_page_by_page(store: Store) -> None:
    tenant = await a_tenant(store)
    made = [(await accepted(store, tenant, b"%d" % n)).document_id for n in range(5)]
    assert await _pages(store, tenant, limit=2) == [
        [made[4], made[3]],
        [made[2], made[1]],
        [made[0]],
    ]


async def _pages(store: Store, tenant: TenantId, *, limit: int) -> list[list[DocumentId]]:
    pages: list[list[DocumentId]] = []
    after: DocumentId | None = None
    while True:
        async with store.tenant(tenant) as tx:
            found = await tx.documents.list(limit=limit, after=after)
        if not found:
            return pages
        pages.append([document.document_id for document in found])
        after = pages[-1][-1]


async def test_lists_one_knowledge_base_and_no_deleted_documents(store: Store) -> None:
    tenant = await a_tenant(store)
    law = await accepted(store, tenant, b"law", knowledge_base="law")
    await accepted(store, tenant, b"tax", knowledge_base="tax")
    gone = await accepted(store, tenant, b"gone", knowledge_base="law")
    async with store.tenant(tenant) as tx:
        await tx.documents.delete(gone.document_id)
        found = await tx.documents.list(limit=10, knowledge_base="law")
        nothing_after_unknown = await tx.documents.list(limit=10, after=DocumentId(tenant))
    assert [document.document_id for document in found] == [law.document_id]
    assert nothing_after_unknown == []


async def test_a_superseded_version_is_not_current_and_not_marked(store: Store) -> None:
    tenant = await a_tenant(store)
    first = await accepted(store, tenant, b"superseded")
    async with store.tenant(tenant) as tx:
        assert await tx.documents.lock_current(first.document_id, 1)
        await tx.jobs.fail(first.job_id, stage="parse", code="x", message="y")
    await accepted(store, tenant, b"superseded")
    async with store.tenant(tenant) as tx:
        assert not await tx.documents.lock_current(first.document_id, 1)
        await tx.documents.mark_parsed(
            first.document_id,
            1,
            artefact_key="old",
            parser="p",
            pages=1,
            characters=1,
            pages_billed=0,
        )
        document = await tx.documents.get(first.document_id)
    assert document is not None
    assert document.artefact_key is None


async def test_a_deletion_waits_for_whoever_works_on_the_document(store: Store) -> None:
    tenant = await a_tenant(store)
    document = await accepted(store, tenant, b"busy")

    async def delete() -> None:
        async with store.tenant(tenant) as tx:
            await tx.documents.delete(document.document_id)

    async with store.tenant(tenant) as tx:
        assert await tx.documents.lock_current(document.document_id, 1)
        deleting = asyncio.create_task(delete())
        await asyncio.sleep(0.2)
        assert not deleting.done()
    await asyncio.wait_for(deleting, 5)
    async with store.tenant(tenant) as tx:
        assert not await tx.documents.lock_current(document.document_id, 1)


async def test_deleting_leaves_a_fence_and_nothing_else(store: Store) -> None:
    tenant = await a_tenant(store)
    document = await indexed(store, tenant, b"secret", ["hidden text"], metadata={"a": "b"})
    which = (document.document_id, document.version)
    key = LedgerKey(stage="embed", document_id=document.document_id, version=1)
    async with store.tenant(tenant) as tx:
        await tx.ledger.record(key, b"[]")
        await tx.parse_jobs.remember(*which, "llamaparse", "job-1")
    async with store.tenant(tenant) as tx:
        deleted = await tx.documents.delete(document.document_id)
    async with store.tenant(tenant) as tx:
        row = await tx.connection.row(
            "SELECT * FROM documents WHERE document_id = $1", document.document_id
        )
        assert await tx.documents.get(document.document_id) is None
        assert await tx.documents.delete(document.document_id) is None
        assert await tx.chunks.count(GENERATION) == 0
        assert await tx.ledger.find(key) is None
        assert await tx.parse_jobs.find(*which, "llamaparse") is None
        assert await tx.embeddings.find(MODEL, [text_hash("hidden text")]) == {}
        assert await tx.connection.value("SELECT count(*) FROM document_generations") == 0
    assert deleted is not None
    assert (deleted.document_id, deleted.version, deleted.job_id) == (*which, document.job_id)
    assert row is not None
    assert row["deleted_at"] is not None
    kept = {"document_id", "tenant_id", "version", "sha256", "media_type", "size", "pages"} | {
        "characters",
        "pages_billed",
        "created_at",
        "updated_at",
        "deleted_at",
    }
    assert {name: value for name, value in row.items() if value and name not in kept} == {}


async def test_embeddings_of_texts_that_another_document_has_stay(store: Store) -> None:
    tenant = await a_tenant(store)
    first = await indexed(store, tenant, b"first", ["shared", "only in the first"])
    await indexed(store, tenant, b"second", ["shared"])
    async with store.tenant(tenant) as tx:
        await tx.documents.delete(first.document_id)
        left = await tx.embeddings.find(
            MODEL, [text_hash("shared"), text_hash("only in the first")]
        )
    assert set(left) == {text_hash("shared")}


async def test_embeddings_of_another_tenant_stay(store: Store) -> None:
    tenant, other = await a_tenant(store), await a_tenant(store)
    document = await indexed(store, tenant, b"mine", ["same words"])
    await indexed(store, other, b"theirs", ["same words"])
    async with store.tenant(tenant) as tx:
        await tx.documents.delete(document.document_id)
    async with store.tenant(other) as tx:
        assert set(await tx.embeddings.find(MODEL, [text_hash("same words")])) == {
            text_hash("same words")
        }


async def test_a_new_version_takes_the_place_of_the_old_ones_chunks_and_embeddings(
    store: Store,
) -> None:
    tenant = await a_tenant(store)
    first = await indexed(store, tenant, b"versions", ["old words", "kept words"])
    async with store.tenant(tenant) as tx:
        await tx.documents.delete(first.document_id)
    await indexed(store, tenant, b"versions", ["kept words", "new words"])
    async with store.tenant(tenant) as tx:
        chunks = await tx.documents.chunks(first.document_id, limit=10)
        cached = await tx.embeddings.find(
            MODEL, [text_hash(text) for text in ("old words", "kept words", "new words")]
        )
    assert [chunk.text for chunk in chunks] == ["kept words", "new words"]
    assert set(cached) == {text_hash("kept words"), text_hash("new words")}


async def test_deleting_ends_every_job_of_the_document(store: Store) -> None:
    tenant = await a_tenant(store)
    running, done = (
        await accepted(store, tenant, b"running"),
        await indexed(store, tenant, b"done", ["x"]),
    )
    async with store.tenant(tenant) as tx:
        await tx.documents.delete(running.document_id)
        await tx.documents.delete(done.document_id)
        ended, kept = await tx.jobs.get(running.job_id), await tx.jobs.get(done.job_id)
    assert ended is not None
    assert kept is not None
    assert (ended.status, ended.revision, kept.status) == ("deleted", 2, "deleted")
    assert ended.finished_at is not None
    assert ended.filename == ""


async def test_shows_a_documents_chunks_in_order_page_by_page(store: Store) -> None:
    tenant = await a_tenant(store)
    document = await indexed(store, tenant, b"pages", [f"text {n}" for n in range(5)])
    async with store.tenant(tenant) as tx:
        first = await tx.documents.chunks(document.document_id, limit=3)
        rest = await tx.documents.chunks(document.document_id, limit=3, after=2)
        beside = await tx.chunks.neighbours(
            GENERATION, [Place(document.document_id, 1, ordinal) for ordinal in (3, 99, 1)]
        )
        shown = await tx.documents.get(document.document_id)
    assert [chunk.ordinal for chunk in first] == [0, 1, 2]
    assert [(chunk.ordinal, chunk.text) for chunk in rest] == [(3, "text 3"), (4, "text 4")]
    assert {place.ordinal: chunk.text for place, chunk in beside.items()} == {
        1: "text 1",
        3: "text 3",
    }
    assert shown is not None
    assert shown.chunks == 5


async def test_the_same_chunks_again_are_not_written_again(store: Store) -> None:
    tenant = await a_tenant(store)
    document = await indexed(store, tenant, b"twice", ["once"])
    async with store.tenant(tenant) as tx:
        before = await tx.chunks.count(GENERATION)
        again = a_chunk(document.document_id, 1, 0, "once", a_vector(1))
        assert await tx.chunks.insert(GENERATION, document.document_id, 1, 0, [again]) == 0
        assert await tx.chunks.count(GENERATION) == before
