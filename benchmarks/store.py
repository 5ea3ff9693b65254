"""How fast chunks are written and found, against bare PostgreSQL: ``python -m benchmarks.store``.

Starts a PostgreSQL of its own. Every figure is a ratio to a reference that was measured in turns
with it, so that the machine matters little:

* writing: ``Chunks.insert`` against ``copy_records_to_table`` into an equal table without row-level
  security, both in parts of 96 chunks and a transaction each;
* finding: ``Chunks.nearest`` in a transaction of its own, against the one statement that orders a
  tenant's rows by distance.
"""

import asyncio
import hashlib
import sys
import tempfile
from collections.abc import Awaitable, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final
from urllib.parse import urlsplit

import asyncpg
import msgspec
import numpy as np
from numpy.typing import NDArray
from pgvector import Vector
from rich.console import Console
from rich.table import Table

from contracts import ids
from contracts.ids import TenantId
from runtime.embedded import EmbeddedPostgres
from store import Store
from store.chunks import NewChunk
from store.codecs import prepare
from store.documents import Accepted, NewDocument
from store.migrate import ensure_generation, migrate
from store.nearest import Search

_PART: Final = 96  # the most that an event carries
_PARTS: Final = 100
_ROUNDS: Final = 5
_QUERIES: Final = 60
_TEXT: Final = "A chunk of five sentences has some seven hundred characters, as this one has. " * 9
_COLUMNS: Final = (
    *("chunk_id", "tenant_id", "document_id", "version", "part", "ordinal", "page_first"),
    *("page_last", "char_start", "char_end", "text", "text_hash", "embedding"),
)

# The same table, with the same indexes and foreign key, without row-level security.
_BARE = """
CREATE TABLE bare (LIKE chunks_g1 INCLUDING ALL);
ALTER TABLE bare
    ADD FOREIGN KEY (tenant_id, document_id) REFERENCES documents (tenant_id, document_id);
"""
_BARE_NEAREST = """
SELECT chunk_id, text, 1 - (embedding <=> $1) AS similarity
FROM bare WHERE tenant_id = $2 ORDER BY embedding <=> $1 LIMIT 5
"""


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A measured ratio and the bound that it is to keep."""

    name: str
    ours: str
    reference: str
    ratio: float
    least: float = 0.0
    most: float = float("inf")


class Scene:
    """A database with one tenant and a table beside ours to compare with."""

    def __init__(self, dsn: str, dimensions: int) -> None:
        self.dsn, self.dimensions = dsn, dimensions
        self.tenant = TenantId(ids.new_id())
        self._random = np.random.default_rng(dimensions)
        self._documents = 0

    async def prepare(self) -> None:
        """Migrate, register the tenant and connect."""
        await migrate(self.dsn)
        await ensure_generation(
            self.dsn, strategy="s", embedding_model="m", dimensions=self.dimensions
        )
        self.store = await Store.connect(self.dsn, pool_size=2)
        async with self.store.system() as system:
            user = await system.accounts.register("Acme", "ann@example.org", "hash")
        self.tenant = user.tenant_id
        self.bare = await asyncpg.connect(self.dsn)
        await prepare(self.bare)
        await self.bare.execute(_BARE)

    async def close(self) -> None:
        """Close all connections."""
        await self.bare.close()
        await self.store.close()

    async def document(self) -> Accepted:
        """Accept one more document."""
        self._documents += 1
        sha256 = hashlib.sha256(b"%d" % self._documents).digest()
        new = NewDocument(
            document_id=ids.document_id(self.tenant, sha256),
            sha256=sha256,
            filename="a.txt",
            media_type="text/plain",
            size=1,
            knowledge_base="default",
            metadata={},
            blob_key_for=str,
        )
        async with self.store.tenant(self.tenant) as tx:
            return await tx.documents.accept(new, trace_id=None)

    def vectors(self, count: int) -> NDArray[np.float32]:
        """Return random vectors, as float32 rows."""
        shape = (count, self.dimensions)
        return self._random.standard_normal(shape, dtype=np.float32)

    def parts(self, document: Accepted) -> list[list[NewChunk]]:
        """Return the chunks of a large document, part by part."""
        chunks = [
            NewChunk(
                chunk_id=ids.chunk_id(document.document_id, document.version, "s", ordinal),
                ordinal=ordinal,
                page_first=1,
                page_last=1,
                char_start=0,
                char_end=len(_TEXT),
                text=f"{_TEXT}{ordinal}",
                text_hash=hashlib.sha256(b"%d" % ordinal).digest(),
                vector=vector,
            )
            for ordinal, vector in enumerate(self.vectors(_PART * _PARTS))
        ]
        return [chunks[start : start + _PART] for start in range(0, len(chunks), _PART)]


async def _insert(scene: Scene, document: Accepted, parts: Sequence[Sequence[NewChunk]]) -> None:
    for number, part in enumerate(parts):
        async with scene.store.tenant(scene.tenant) as tx:
            await tx.chunks.insert(1, document.document_id, document.version, number, part)


async def _copy(scene: Scene, document: Accepted, parts: Sequence[Sequence[NewChunk]]) -> None:
    for number, part in enumerate(parts):
        rows = [_row(scene.tenant, document, number, chunk) for chunk in part]
        await scene.bare.copy_records_to_table("bare", records=rows, columns=_COLUMNS)


def _row(tenant: TenantId, document: Accepted, part: int, chunk: NewChunk) -> tuple[object, ...]:
    return (
        chunk.chunk_id,
        tenant,
        document.document_id,
        document.version,
        part,
        chunk.ordinal,
        chunk.page_first,
        chunk.page_last,
        chunk.char_start,
        chunk.char_end,
        chunk.text,
        chunk.text_hash,
        Vector(chunk.vector),
    )


async def _show(scene: Scene, document: Accepted) -> None:
    """Note that the document is indexed, without which no search sees it."""
    which = (document.document_id, document.version)
    async with scene.store.tenant(scene.tenant) as tx:
        await tx.parts.expect(*which, 1, part_count=1, chunks_total=_PART * _PARTS)
        await tx.parts.complete(*which, 1, chunks=_PART * _PARTS, tokens=0)


async def _seconds(work: Awaitable[object]) -> float:
    began = perf_counter()
    await work
    return perf_counter() - began


async def _writing(scene: Scene) -> Figure:
    ours: list[float] = []
    reference: list[float] = []
    for _ in range(_ROUNDS):
        document = await scene.document()
        parts = scene.parts(document)
        ours.append(await _seconds(_insert(scene, document, parts)))
        reference.append(await _seconds(_copy(scene, document, parts)))
        await _show(scene, document)
    rows = _PART * _PARTS
    return Figure(
        name=f"rows/s written, {scene.dimensions} dimensions",
        ours=f"{rows / median(ours):,.0f}",
        reference=f"{rows / median(reference):,.0f}",
        ratio=median(reference) / median(ours),
        least=0.8,
    )


async def _finding(scene: Scene) -> Figure:
    await scene.bare.execute("VACUUM ANALYZE chunks_g1, bare")

    async def nearest(query: NDArray[np.float32]) -> None:
        async with scene.store.tenant(scene.tenant) as tx:
            await tx.chunks.nearest(1, Search(vector=query, limit=5))

    ours: list[float] = []
    reference: list[float] = []
    for query in scene.vectors(_QUERIES):
        ours.append(await _seconds(nearest(query)))
        bare = scene.bare.fetch(_BARE_NEAREST, Vector(query), scene.tenant)
        reference.append(await _seconds(bare))
    return Figure(
        name=f"ms to find, {scene.dimensions} dimensions, {_ROUNDS * _PART * _PARTS:,} chunks",
        ours=f"{1000 * median(ours):.1f}",
        reference=f"{1000 * median(reference):.1f}",
        ratio=median(ours) / median(reference),
        most=1.5,
    )


async def measure(dsn: str) -> list[Figure]:
    """Measure on new databases of the server that ``dsn`` names."""
    figures: list[Figure] = []
    for dimensions in (256, 1536):
        name = f"benchmark_{dimensions}"
        owner = await asyncpg.connect(dsn)
        await owner.execute(f"CREATE DATABASE {name} TEMPLATE ragline_template")
        await owner.close()
        scene = Scene(urlsplit(dsn)._replace(path=f"/{name}").geturl(), dimensions)
        await scene.prepare()
        figures += [await _writing(scene), await _finding(scene)]
        await scene.close()
    return figures


async def _measure_on_a_new_server() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        async with EmbeddedPostgres(Path(folder)) as server:
            return await measure(server.dsn)


def main() -> int:
    """Print the figures; 1 when one of them does not keep its bound."""
    figures = asyncio.run(_measure_on_a_new_server())
    table = Table("figure", "ours", "reference", "ratio", "bound")
    for figure in figures:
        bound = f"≥ {figure.least}" if figure.least else f"≤ {figure.most}"
        table.add_row(figure.name, figure.ours, figure.reference, f"{figure.ratio:.2f}", bound)
    Console().print(table)
    return int(any(not figure.least <= figure.ratio <= figure.most for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
