"""A tenant's own index: nearly exact, and never an answer short."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray
from pgvector import Vector

from contracts import ids
from contracts.ids import ChunkId, TenantId
from runtime.embedded import EmbeddedPostgres
from store import Store
from store.chunks import NewChunk
from store.indexes import build_tenant_indexes
from store.migrate import ensure_generation, migrate
from store.nearest import INDEXED, PREPARE, Search
from store.tables import tenant_index
from tests.fixtures.servers import fresh_database
from tests.integration.store.given import a_tenant, accepted

pytestmark = pytest.mark.asyncio

DIMENSIONS = 64
DOCUMENTS = 120
PER_DOCUMENT = 100
LARGE = DOCUMENTS * PER_DOCUMENT
QUERIES = 40

Matrix = NDArray[np.float32]


def _clustered(count: int, *, seed: int) -> Matrix:
    """Unit vectors in clusters of unequal size, as embeddings of texts about some subjects are."""
    subjects = np.random.default_rng(7).standard_normal((60, DIMENSIONS))
    random = np.random.default_rng(seed)
    weights = random.dirichlet(np.full(60, 0.5))
    vectors = subjects[random.choice(60, count, p=weights)]
    vectors = vectors + 0.7 * random.standard_normal((count, DIMENSIONS))
    unit: Matrix = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return unit


class Library:
    """One large tenant beside a small one; `vectors[i]` is chunk `chunk_ids[i]`."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.tenant: TenantId
        self.small: TenantId
        self.vectors = _clustered(LARGE, seed=1)
        self.chunk_ids: list[ChunkId] = []

    async def fill(self) -> None:
        await migrate(self.dsn)
        await ensure_generation(
            self.dsn, strategy="sentence_5", embedding_model="m", dimensions=DIMENSIONS
        )
        store = await Store.connect(self.dsn, pool_size=2)
        self.tenant, self.small = await a_tenant(store), await a_tenant(store)
        for number in range(DOCUMENTS):
            await self._index(store, self.tenant, number)
        await self._index(store, self.small, 0)
        await store.close()
        self.built = await build_tenant_indexes(self.dsn, min_chunks=LARGE)

    async def _index(self, store: Store, tenant: TenantId, number: int) -> None:
        document = await accepted(
            store,
            tenant,
            b"%d" % number,
            knowledge_base=f"kb {number % 2}",
            metadata={"tenth": number % 10, "number": number},
        )
        which = (document.document_id, document.version)
        first = number * PER_DOCUMENT
        chunks = [
            NewChunk(
                chunk_id=ids.chunk_id(*which, "s", ordinal),
                ordinal=ordinal,
                page_first=1,
                page_last=1,
                char_start=0,
                char_end=1,
                text=f"chunk {ordinal}",
                text_hash=bytes([ordinal]),
                vector=self.vectors[first + ordinal],
            )
            for ordinal in range(PER_DOCUMENT)
        ]
        async with store.tenant(tenant) as tx:
            await tx.parts.expect(*which, 1, part_count=1, chunks_total=PER_DOCUMENT)
            await tx.chunks.insert(1, *which, 0, chunks)
            await tx.parts.complete(*which, 1, chunks=PER_DOCUMENT, tokens=1)
        if tenant == self.tenant:
            self.chunk_ids += [chunk.chunk_id for chunk in chunks]

    def nearest(self, query: Matrix, limit: int, documents: range) -> set[ChunkId]:
        rows = np.concatenate(
            [np.arange(PER_DOCUMENT) + number * PER_DOCUMENT for number in documents]
        )
        order = np.argsort(-(self.vectors[rows] @ query))[:limit]
        return {self.chunk_ids[row] for row in rows[order]}


@pytest.fixture(scope="module")
def library(postgres_server: EmbeddedPostgres) -> Iterator[Library]:
    with fresh_database(postgres_server.dsn) as dsn, ThreadPoolExecutor(1) as thread:
        made = Library(dsn)
        thread.submit(asyncio.run, made.fill()).result()
        yield made


@pytest.fixture(scope="module")
def database(library: Library) -> str:
    """What the fixture `store` opens in this module."""
    return library.dsn


async def test_only_the_large_tenant_has_an_index_and_only_one(library: Library) -> None:
    assert library.built == [f"{tenant_index(1)}{library.tenant.hex}"]
    assert await build_tenant_indexes(library.dsn, min_chunks=LARGE) == []


async def test_the_index_serves_its_tenant_and_filters_that_leave_much(
    library: Library, store: Store
) -> None:
    index = "chunks_g1_hnsw"
    assert index in await _plan(store, library, library.tenant)
    assert index in await _plan(store, library, library.tenant, knowledge_base="kb 1")
    assert index not in await _plan(store, library, library.tenant, metadata={"number": 7})
    assert index not in await _plan(store, library, library.small)


async def _plan(
    store: Store,
    library: Library,
    tenant: TenantId,
    *,
    knowledge_base: str | None = None,
    metadata: dict[str, object] | None = None,
) -> str:
    """How PostgreSQL would run a search of this tenant."""
    statement = INDEXED.format(chunks="chunks_g1", type="vector")
    values = (Vector(library.vectors[0]), tenant, 5, 1, None, knowledge_base, metadata)
    async with store.tenant(tenant) as tx:
        await tx.connection.row(PREPARE, tenant_index(1), "200")
        rows = await tx.connection.rows(f"EXPLAIN {statement}", *values)
    return "\n".join(row[0] for row in rows)


@pytest.mark.parametrize(
    ("filters", "documents"),
    [
        ({}, range(DOCUMENTS)),
        ({"knowledge_base": "kb 1"}, range(1, DOCUMENTS, 2)),
        ({"metadata": {"tenth": 3}}, range(3, DOCUMENTS, 10)),
        ({"metadata": {"number": 7}}, range(7, 8)),
    ],
    ids=["all", "half", "a tenth", "one document"],
)
async def test_recall_is_at_least_98_of_100_with_and_without_filters(
    library: Library, store: Store, filters: dict[str, object], documents: range
) -> None:
    hits = 0
    for query in _clustered(QUERIES, seed=2):
        async with store.tenant(library.tenant) as tx:
            found = await tx.chunks.nearest(1, Search(vector=query, limit=5, **filters))  # type: ignore[arg-type]
        assert len(found) == 5
        assert [-chunk.similarity for chunk in found] == sorted(-c.similarity for c in found)
        hits += len({chunk.chunk_id for chunk in found} & library.nearest(query, 5, documents))
    assert hits / (5 * QUERIES) >= 0.98


async def test_all_matches_come_when_more_are_asked_for(library: Library, store: Store) -> None:
    async with store.tenant(library.tenant) as tx:
        everything = await tx.chunks.nearest(1, Search(vector=library.vectors[0], limit=LARGE + 1))
        one = await tx.chunks.nearest(
            1, Search(vector=library.vectors[0], limit=PER_DOCUMENT + 1, metadata={"number": 7})
        )
    assert len(everything) == LARGE
    assert len(one) == PER_DOCUMENT


async def test_new_chunks_are_found_through_the_index_and_deleted_ones_are_not(
    library: Library, store: Store
) -> None:
    query = _clustered(1, seed=3)[0]
    document = await accepted(store, library.tenant, b"new")
    which = (document.document_id, document.version)
    chunk = NewChunk(
        chunk_id=ids.chunk_id(*which, "s", 0),
        ordinal=0,
        page_first=1,
        page_last=1,
        char_start=0,
        char_end=1,
        text="new",
        text_hash=b"new",
        vector=query,
    )
    async with store.tenant(library.tenant) as tx:
        await tx.parts.expect(*which, 1, part_count=1, chunks_total=1)
        await tx.chunks.insert(1, *which, 0, [chunk])
        await tx.parts.complete(*which, 1, chunks=1, tokens=1)
        assert (await tx.chunks.nearest(1, Search(vector=query, limit=1)))[0].text == "new"
    async with store.tenant(library.tenant) as tx:
        await tx.documents.delete(document.document_id)
        assert (await tx.chunks.nearest(1, Search(vector=query, limit=1)))[0].text != "new"
