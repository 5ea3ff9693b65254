"""What finding takes among 10,000 and 200,000 chunks: ``python -m benchmarks.retrieval [--quick]``.

Tenants of very different size share one table. For some of each size the legs are timed in turns
with one bare statement, which orders the tenant's rows of an equal table without row-level security
by their distance; the large tenants have an index of their own, which the bare statement has not.
Texts are made up of words as frequent as words are (Zipf), about topics; vectors are those of the
local model.
"""

import hashlib
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Final, TypeVar

import asyncpg
import numpy as np
from numpy.typing import NDArray
from pgvector import Vector

from benchmarks.report import Report, benchmark, percentile
from contracts import ids
from contracts.ids import ChunkId, TenantId
from providers.embedding.cards import LOCAL_DEFAULT
from providers.embedding.local import WordLlamaEmbedding
from providers.embedding.protocol import EmbeddingModel
from retrieval import EmbeddingModels, Retriever, Wanted
from runtime.embedded import EmbeddedPostgres
from store import Store
from store.chunks import NewChunk
from store.codecs import prepare
from store.documents import NewDocument
from store.indexes import build_tenant_indexes
from store.migrate import ensure_generation, migrate
from store.nearest import Search

T = TypeVar("T")

#: How many tenants have how many chunks; together 10,000 and 200,000.
_SMALL_SITE: Final = {7_500: 1, 1_500: 1, 100: 9, 50: 2}
_LARGE_SITE: Final = {150_000: 1, 30_000: 1, 1_000: 18, 50: 40}
_QUICK_SITE: Final = {1_500: 1, 100: 4}
_PER_DOCUMENT: Final = 96
_QUERIES: Final = 60
_FOUND: Final = 5

_WORDS: Final = 50_000
_TOPICS: Final = 2_000
_SYLLABLES: Final = tuple(a + b for a in "bdfgklmnprstvz" for b in "aeiou")

# The same rows without row-level security, as the owner of the tables may read them.
_BARE = """
ALTER TABLE chunks_g1 NO FORCE ROW LEVEL SECURITY;
CREATE TABLE bare AS SELECT chunk_id, tenant_id, text, embedding FROM chunks_g1;
ALTER TABLE chunks_g1 FORCE ROW LEVEL SECURITY;
CREATE INDEX ON bare (tenant_id);
"""
_BARE_NEAREST = """
SELECT chunk_id, text, 1 - (embedding <=> $1) AS similarity
FROM bare WHERE tenant_id = $2 ORDER BY embedding <=> $1 LIMIT 5
"""


class Writer:
    """Makes texts that differ as texts do: common words, rare words, and those of a topic."""

    def __init__(self, seed: int) -> None:
        self._dice = np.random.default_rng(seed)
        self._words = np.array(
            ["".join(self._dice.choice(_SYLLABLES, 2 + number % 3)) for number in range(_WORDS)]
        )
        ranks = np.arange(1, _WORDS + 1)
        self._frequency = (1 / ranks) / (1 / ranks).sum()
        self._topics = self._dice.integers(200, _WORDS, (_TOPICS, 40))

    def text(self, *, words: int = 100) -> str:
        """Return a text about one topic."""
        about = self._dice.choice(self._topics[self._dice.integers(_TOPICS)], words // 3)
        common = self._dice.choice(_WORDS, words - about.size, p=self._frequency)
        chosen = self._dice.permutation(np.concatenate((about, common)))
        return " ".join(self._words[chosen])


@dataclass
class Tenant:
    """One tenant's chunks, as they were written."""

    tenant_id: TenantId
    texts: list[str]
    chunk_ids: list[ChunkId]
    vectors: NDArray[np.float32]

    def nearest(self, query: NDArray[np.float32]) -> set[ChunkId]:
        """Return what is nearest, by comparing each."""
        best = np.argsort(-(self.vectors @ query), kind="stable")[:_FOUND]
        return {self.chunk_ids[place] for place in best}


class Site:
    """A database with many tenants."""

    def __init__(self, store: Store, bare: asyncpg.Connection, model: EmbeddingModel) -> None:
        self.store, self.bare, self.model = store, bare, model
        self.retriever = Retriever(store, EmbeddingModels(self._get))
        self._writer = Writer(1)

    async def _get(self, _: str) -> EmbeddingModel:
        return self.model

    async def tenant(self, chunks: int, number: int) -> Tenant:
        """Make a tenant with so many chunks."""
        async with self.store.system() as system:
            email = f"{chunks}-{number}@example.org"
            user = await system.accounts.register(email, email, "hash")
        texts = [self._writer.text() for _ in range(chunks)]
        vectors = (await self.model.embed(texts)).vectors
        made = Tenant(user.tenant_id, texts, [], vectors)
        for start in range(0, chunks, _PER_DOCUMENT):
            await self._document(made, start)
        return made

    async def _document(self, tenant: Tenant, start: int) -> None:
        sha256 = hashlib.sha256(f"{tenant.tenant_id}{start}".encode()).digest()
        new = NewDocument(
            document_id=ids.document_id(tenant.tenant_id, sha256),
            sha256=sha256,
            filename=f"{start}.txt",
            media_type="text/plain",
            size=1,
            knowledge_base="default",
            metadata={},
            blob_key_for=str,
        )
        async with self.store.tenant(tenant.tenant_id) as tx:
            document = await tx.documents.accept(new, trace_id=None)
            which = (document.document_id, document.version)
            texts = tenant.texts[start : start + _PER_DOCUMENT]
            chunks = [
                NewChunk(
                    chunk_id=ids.chunk_id(*which, "s", ordinal),
                    ordinal=ordinal,
                    page_first=1,
                    page_last=1,
                    char_start=1_000 * ordinal,
                    char_end=1_000 * ordinal + len(text),
                    text=text,
                    text_hash=hashlib.sha256(text.encode()).digest(),
                    vector=tenant.vectors[start + ordinal],
                )
                for ordinal, text in enumerate(texts)
            ]
            await tx.parts.expect(*which, 1, part_count=1, chunks_total=len(chunks))
            await tx.chunks.insert(1, *which, 0, chunks)
            await tx.parts.complete(*which, 1, chunks=len(chunks), tokens=0)
        tenant.chunk_ids += [chunk.chunk_id for chunk in chunks]


class Timed:
    """Milliseconds by what was done."""

    def __init__(self) -> None:
        self.of: dict[str, list[float]] = {}

    async def call(self, name: str, work: Callable[[], Awaitable[T]]) -> T:
        """Do the work and note what it took."""
        began = perf_counter()
        result = await work()
        self.of.setdefault(name, []).append(1000 * (perf_counter() - began))
        return result


async def _ask(site: Site, tenant: Tenant, queries: int) -> tuple[Timed, float]:
    """Return what searches of a tenant took, and the recall of those by vector."""
    timed, hits = Timed(), 0
    dice = np.random.default_rng(2)
    for place in dice.integers(len(tenant.texts), size=queries):
        said = np.array(tenant.texts[place].split())
        question = " ".join(dice.choice(said, 10, replace=False))
        vector = (await site.model.embed([question])).vectors[0]
        found = await timed.call("vectors", lambda: _by_vector(site, tenant, vector))  # noqa: B023
        await timed.call("words", lambda: _by_words(site, tenant, question, vector))  # noqa: B023
        await timed.call(
            "bare",
            lambda: site.bare.fetch(_BARE_NEAREST, Vector(vector), tenant.tenant_id),  # noqa: B023
        )
        both = await site.retriever.retrieve(tenant.tenant_id, question, Wanted(threshold=-1))
        timed.of.setdefault("both", []).append(both.search_ms)
        hits += len(set(found[:_FOUND]) & tenant.nearest(vector))
    return timed, hits / (queries * min(_FOUND, len(tenant.texts)))


async def _by_vector(site: Site, tenant: Tenant, vector: NDArray[np.float32]) -> list[ChunkId]:
    async with site.store.tenant(tenant.tenant_id) as tx:
        found = await tx.chunks.nearest(1, Search(vector=vector, limit=40))
    return [chunk.chunk_id for chunk in found]


async def _by_words(site: Site, tenant: Tenant, question: str, vector: NDArray[np.float32]) -> None:
    async with site.store.tenant(tenant.tenant_id) as tx:
        await tx.chunks.by_words(1, question, Search(vector=vector, limit=40))


async def _measure_site(report: Report, sizes: dict[int, int], queries: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with EmbeddedPostgres(Path(folder)) as server:
            await migrate(server.dsn)
            await ensure_generation(
                server.dsn, strategy="s", embedding_model=LOCAL_DEFAULT, dimensions=256
            )
            store = await Store.connect(server.dsn, pool_size=2)
            bare = await asyncpg.connect(server.dsn)
            await prepare(bare)
            site = Site(store, bare, WordLlamaEmbedding())
            tenants = {
                chunks: [await site.tenant(chunks, number) for number in range(count)]
                for chunks, count in sizes.items()
            }
            asked = [of_one_size[0] for of_one_size in tenants.values()]
            await build_tenant_indexes(server.dsn)
            await bare.execute(_BARE)
            await bare.execute("VACUUM ANALYZE")
            await _tell(report, site, asked, sum(a * b for a, b in sizes.items()), queries)
            await bare.close()
            await store.close()


async def _tell(
    report: Report, site: Site, tenants: Sequence[Tenant], total: int, queries: int
) -> None:
    rows: list[tuple[str | int | float, ...]] = []
    for tenant in tenants:
        timed, recall = await _ask(site, tenant, queries)
        size = len(tenant.texts)
        p50 = {name: percentile(values, 50) for name, values in timed.of.items()}
        p99 = {name: percentile(values, 99) for name, values in timed.of.items()}
        rows.append(
            (size, *(p[name] for name in ("bare", "vectors", "words", "both") for p in (p50, p99)))
        )
        where = f"{size:,} of {total:,}"
        report.figure(f"recall by vector, {where}", recall, least=0.98)
        report.figure(f"vectors to bare, p50, {where}", p50["vectors"] / p50["bare"], most=1.5)
        report.figure(f"both to bare, p50, {where}", p50["both"] / p50["bare"])
    names = [f"{name} p{q}" for name in ("bare", "vectors", "words", "both") for q in (50, 99)]
    report.listing(f"ms among {total:,} chunks", ("chunks of the tenant", *names), rows)


async def measure(report: Report) -> None:
    """Measure both sites, one after the other."""
    if report.quick:
        await _measure_site(report, _QUICK_SITE, 10)
        return
    for sizes in (_SMALL_SITE, _LARGE_SITE):
        await _measure_site(report, sizes, _QUERIES)


if __name__ == "__main__":
    benchmark("retrieval", measure)
