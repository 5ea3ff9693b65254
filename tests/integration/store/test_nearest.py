"""Search is exact, whatever filters are set, and sees whole versions only."""

import numpy as np
import pytest
from numpy.typing import NDArray

from contracts.ids import ChunkId, DocumentId, TenantId
from store import Store
from store.nearest import Found, Search
from tests.integration.store.given import (
    GENERATION,
    a_chunk,
    a_tenant,
    a_vector,
    accepted,
    index,
    indexed,
)

pytestmark = pytest.mark.asyncio

DOCUMENTS = 30
CHUNKS = 20


async def _library(store: Store) -> tuple[TenantId, dict[ChunkId, tuple[int, NDArray[np.float32]]]]:
    """Thirty documents of twenty chunks; returns each chunk's document and vector."""
    tenant = await a_tenant(store)
    vectors: dict[ChunkId, tuple[int, NDArray[np.float32]]] = {}
    for number in range(DOCUMENTS):
        seeds = [1000 * number + n for n in range(CHUNKS)]
        document = await indexed(
            store,
            tenant,
            b"%d" % number,
            [f"text {seed}" for seed in seeds],
            [a_vector(seed) for seed in seeds],
            knowledge_base="law" if number % 3 == 0 else "tax",
            metadata={"year": 2020 + number % 5, "draft": number % 2 == 0},
            filename=f"{number}.txt",
        )
        for ordinal, seed in enumerate(seeds):
            chunk = a_chunk(document.document_id, 1, ordinal, "", a_vector(seed))
            vectors[chunk.chunk_id] = (number, chunk.vector)
    return tenant, vectors


def _expected(
    vectors: dict[ChunkId, tuple[int, NDArray[np.float32]]],
    query: NDArray[np.float32],
    among: range,
    limit: int,
) -> list[ChunkId]:
    similar = {
        chunk: float(np.dot(vector, query))
        for chunk, (number, vector) in vectors.items()
        if number in among
    }
    return sorted(similar, key=lambda chunk: -similar[chunk])[:limit]


async def test_finds_exactly_what_numpy_finds_with_and_without_filters(store: Store) -> None:
    tenant, vectors = await _library(store)
    documents = await _documents(store, tenant)
    cases: list[tuple[dict[str, object], range]] = [
        ({}, range(DOCUMENTS)),
        ({"knowledge_base": "law"}, range(0, DOCUMENTS, 3)),
        ({"metadata": {"draft": True}}, range(0, DOCUMENTS, 2)),
        ({"metadata": {"draft": True, "year": 2020}}, range(0, DOCUMENTS, 10)),
        ({"document_ids": [documents["3.txt"]]}, range(3, 4)),
        ({"knowledge_base": "law", "metadata": {"draft": True}}, range(0, DOCUMENTS, 6)),
        ({"knowledge_base": "nothing"}, range(0)),
        ({"document_ids": []}, range(0)),
    ]
    for filters, among in cases:
        for seed in range(5):
            query = a_vector(10**6 + seed)
            async with store.tenant(tenant) as tx:
                found = await tx.chunks.nearest(
                    GENERATION, Search(vector=query, limit=7, **filters)
                )  # type: ignore[arg-type]
            assert [chunk.chunk_id for chunk in found] == _expected(vectors, query, among, 7)
            assert _similarities(found) == pytest.approx(
                [float(np.dot(vectors[chunk.chunk_id][1], query)) for chunk in found], abs=1e-6
            )


async def _documents(store: Store, tenant: TenantId) -> dict[str, DocumentId]:
    async with store.tenant(tenant) as tx:
        return {one.filename: one.document_id for one in await tx.documents.list(limit=100)}


def _similarities(found: list[Found]) -> list[float]:
    return [chunk.similarity for chunk in found]


async def test_gives_as_many_as_match_when_fewer_than_asked_for(store: Store) -> None:
    tenant, _ = await _library(store)
    async with store.tenant(tenant) as tx:
        found = await tx.chunks.nearest(
            GENERATION, Search(vector=a_vector(1), limit=500, knowledge_base="law")
        )
    assert len(found) == DOCUMENTS // 3 * CHUNKS


async def test_sees_the_chunks_of_a_document_when_all_parts_are_in(store: Store) -> None:
    tenant = await a_tenant(store)
    document = await accepted(store, tenant, b"in two parts")
    which = (document.document_id, document.version)
    async with store.tenant(tenant) as tx:
        await tx.parts.expect(*which, GENERATION, part_count=2, chunks_total=2)
        for part in range(2):
            assert await tx.chunks.nearest(GENERATION, Search(vector=a_vector(1), limit=5)) == []
            chunk = a_chunk(*which, part, f"part {part}", a_vector(part))
            await tx.chunks.insert(GENERATION, *which, part, [chunk])
            await tx.parts.complete(*which, GENERATION, chunks=1, tokens=1)
        found = await tx.chunks.nearest(GENERATION, Search(vector=a_vector(1), limit=5))
    assert [chunk.text for chunk in found] == ["part 1", "part 0"]
    assert found[0].similarity == pytest.approx(1.0)
    assert (found[0].document_id, found[0].version, found[0].filename) == (*which, "report.txt")


async def test_the_indexed_version_is_found_until_the_next_one_is_complete(store: Store) -> None:
    tenant = await a_tenant(store)
    document = await indexed(store, tenant, b"again", ["old"], [a_vector(1)])
    async with store.tenant(tenant) as tx:
        await tx.connection.change("UPDATE jobs SET status = 'failed'")
    again = await accepted(store, tenant, b"again")
    which = (again.document_id, again.version)
    async with store.tenant(tenant) as tx:
        await tx.parts.expect(*which, GENERATION, part_count=2, chunks_total=2)
        await tx.chunks.insert(
            GENERATION, *which, 0, [a_chunk(*which, 0, "half of the new", a_vector(1))]
        )
        await tx.parts.complete(*which, GENERATION, chunks=1, tokens=1)
        found = await tx.chunks.nearest(GENERATION, Search(vector=a_vector(1), limit=5))
        shown = await tx.documents.chunks(document.document_id, limit=5)
    assert [chunk.text for chunk in found] == ["old"]
    assert [chunk.text for chunk in shown] == ["old"]

    async with store.tenant(tenant) as tx:
        await tx.chunks.insert(
            GENERATION, *which, 1, [a_chunk(*which, 1, "all of the new", a_vector(2))]
        )
        assert (await tx.parts.complete(*which, GENERATION, chunks=1, tokens=1)).is_last
        assert await tx.chunks.remove_other_versions(GENERATION, *which) == 1
        found = await tx.chunks.nearest(GENERATION, Search(vector=a_vector(1), limit=5))
    assert {chunk.text for chunk in found} == {"half of the new", "all of the new"}


async def test_deleted_documents_are_not_found(store: Store) -> None:
    tenant = await a_tenant(store)
    document = await indexed(store, tenant, b"deleted", ["x"], [a_vector(1)])
    async with store.tenant(tenant) as tx:
        await tx.documents.delete(document.document_id)
        assert await tx.chunks.nearest(GENERATION, Search(vector=a_vector(1), limit=5)) == []


async def test_a_vector_of_zeros_is_near_to_nothing(store: Store) -> None:
    tenant = await a_tenant(store)
    zeros = np.zeros(8, np.float32)
    document = await accepted(store, tenant, b"zeros")
    async with store.tenant(tenant) as tx:
        await index(tx, document, ["empty", "full"], [zeros, a_vector(1)])
        found = await tx.chunks.nearest(GENERATION, Search(vector=a_vector(1), limit=5))
        assert [chunk.text for chunk in found] == ["full"]
        assert await tx.chunks.nearest(GENERATION, Search(vector=zeros, limit=5)) == []
