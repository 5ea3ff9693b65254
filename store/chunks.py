"""Chunks: a document's text in pieces, each with its vector, in one table per generation."""
# ruff: noqa: S608 - statements are put together from constants, never from values

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pgvector import SparseVector, Vector

from contracts.ids import ChunkId, DocumentId
from runtime.postgres import Connection
from store.embeddings import EmbeddingCache
from store.generations import Generation, Generations
from store.lexical import find_by_words
from store.nearest import Found, Search, find_nearest
from store.tables import chunks_table, words_table
from store.words import VOCABULARY, count_words

# Every statement names its table as {chunks}, and the table of their words as {words}.

# A part's chunks, as one array per column: row-level security refuses COPY. The same chunk again
# is not written again.
INSERT = """
INSERT INTO {chunks} (tenant_id, document_id, version, part, chunk_id, ordinal, page_first,
                      page_last, char_start, char_end, text, text_hash, embedding)
SELECT current_tenant(), $1, $2, $3, *
FROM unnest($4::uuid[], $5::integer[], $6::integer[], $7::integer[], $8::bigint[], $9::bigint[],
            $10::text[], $11::bytea[], $12::vector[])
ON CONFLICT (chunk_id) DO NOTHING
"""

# Their words, which go when they go.
INSERT_WORDS = """
INSERT INTO {words} (tenant_id, document_id, version, chunk_id, length, counts)
SELECT current_tenant(), $1, $2, *
FROM unnest($3::uuid[], $4::smallint[], $5::sparsevec[])
ON CONFLICT (chunk_id) DO NOTHING
"""

# What an earlier version of the document left.
REMOVE_OTHER_VERSIONS = """
DELETE FROM {chunks}
WHERE tenant_id = current_tenant() AND document_id = $1 AND version <> $2
RETURNING text_hash
"""

# Everything of a document.
REMOVE_DOCUMENT = """
DELETE FROM {chunks}
WHERE tenant_id = current_tenant() AND document_id = $1
RETURNING text_hash
"""

# Which of these texts does the tenant still have?
STILL_HAD = """
SELECT DISTINCT text_hash FROM {chunks}
WHERE tenant_id = current_tenant() AND text_hash = ANY($1)
"""

_STORED = """
SELECT chunk_id, ordinal, page_first, page_last, char_start, char_end, text
FROM {chunks}
WHERE tenant_id = current_tenant() AND document_id = $1
"""

# A page of a document's chunks, of the version that was indexed last.
OF_DOCUMENT = f"""{_STORED}
  AND version = (SELECT max(version) FROM document_generations
                 WHERE document_id = $1 AND generation_id = $2 AND indexed_at IS NOT NULL)
  AND ordinal > $4
ORDER BY ordinal
LIMIT $3
"""

# Some chunks of some versions of documents, by their ordinals.
NEIGHBOURS = """
SELECT document_id, version, chunk.chunk_id, ordinal, chunk.page_first, chunk.page_last,
       chunk.char_start, chunk.char_end, chunk.text
FROM unnest($1::uuid[], $2::integer[], $3::integer[]) AS wanted (document_id, version, ordinal)
JOIN {chunks} chunk USING (document_id, version, ordinal)
WHERE chunk.tenant_id = current_tenant()
ORDER BY document_id, version, ordinal
"""

# How many chunks the tenant has.
COUNT = "SELECT count(*) FROM {chunks} WHERE tenant_id = current_tenant()"


@dataclass(frozen=True, kw_only=True, slots=True)
class NewChunk:
    """A chunk with its vector, ready to be written."""

    chunk_id: ChunkId
    ordinal: int
    page_first: int
    page_last: int
    char_start: int
    char_end: int
    text: str
    #: SHA-256 of the text in UTF-8.
    text_hash: bytes
    vector: NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredChunk:
    """A chunk as it is shown."""

    chunk_id: ChunkId
    ordinal: int
    page_first: int
    page_last: int
    char_start: int
    char_end: int
    text: str


class Place(NamedTuple):
    """Which chunk of which version of a document; ordinals count from 0."""

    document_id: DocumentId
    version: int
    ordinal: int


class Chunks:
    """The chunks of one tenant, in every generation."""

    def __init__(
        self, connection: Connection, generations: Generations, embeddings: EmbeddingCache
    ) -> None:
        self._connection = connection
        self._generations = generations
        self._embeddings = embeddings

    async def insert(
        self,
        generation: int,
        document_id: DocumentId,
        version: int,
        part: int,
        chunks: Sequence[NewChunk],
    ) -> int:
        """Write a part's chunks and count their words; return how many were not there yet."""
        written = await self._connection.change(
            INSERT.format(chunks=chunks_table(generation)),
            document_id,
            version,
            part,
            [chunk.chunk_id for chunk in chunks],
            [chunk.ordinal for chunk in chunks],
            [chunk.page_first for chunk in chunks],
            [chunk.page_last for chunk in chunks],
            [chunk.char_start for chunk in chunks],
            [chunk.char_end for chunk in chunks],
            [chunk.text for chunk in chunks],
            [chunk.text_hash for chunk in chunks],
            [Vector(chunk.vector) for chunk in chunks],
        )
        words = [count_words(chunk.text) for chunk in chunks]
        await self._connection.change(
            INSERT_WORDS.format(words=words_table(generation)),
            document_id,
            version,
            [chunk.chunk_id for chunk in chunks],
            [counted.length for counted in words],
            [SparseVector(counted.counts, VOCABULARY) for counted in words],
        )
        return written

    async def remove_other_versions(
        self, generation: int, document_id: DocumentId, version: int
    ) -> int:
        """Remove what other versions of the document left in a generation; return how many."""
        statement = REMOVE_OTHER_VERSIONS.format(chunks=chunks_table(generation))
        rows = await self._connection.rows(statement, document_id, version)
        if rows:
            await self._forget_texts(generation, {row["text_hash"] for row in rows})
        return len(rows)

    async def _forget_texts(self, generation: int, hashes: set[bytes]) -> None:
        """Remove the embeddings of these texts, where no chunk of the model has them any more."""
        generations = await self._generations.fed()
        models = {
            found.embedding_model for found in generations if found.generation_id == generation
        }
        await self._forget_embeddings(generations, {model: set(hashes) for model in models})

    async def remove_document(self, document_id: DocumentId) -> None:
        """Remove a document from every generation, and the embeddings of texts that only it had."""
        generations = await self._generations.fed()
        removed: dict[str, set[bytes]] = defaultdict(set)
        for generation in generations:
            statement = REMOVE_DOCUMENT.format(chunks=chunks_table(generation.generation_id))
            rows = await self._connection.rows(statement, document_id)
            removed[generation.embedding_model].update(row["text_hash"] for row in rows)
        await self._forget_embeddings(generations, removed)

    async def _forget_embeddings(
        self, generations: Sequence[Generation], removed: dict[str, set[bytes]]
    ) -> None:
        for model, hashes in removed.items():
            for generation in generations:
                if generation.embedding_model == model:
                    statement = STILL_HAD.format(chunks=chunks_table(generation.generation_id))
                    rows = await self._connection.rows(statement, list(hashes))
                    hashes.difference_update(row["text_hash"] for row in rows)
            await self._embeddings.forget(model, list(hashes))

    async def of_document(
        self, generation: int, document_id: DocumentId, *, limit: int, after: int | None = None
    ) -> list[StoredChunk]:
        """Return a document's chunks in order, from the ordinal that follows ``after``.

        They are of the version that was indexed last, which may be older than the document's.
        """
        rows = await self._connection.rows(
            OF_DOCUMENT.format(chunks=chunks_table(generation)),
            document_id,
            generation,
            limit,
            -1 if after is None else after,
        )
        return [StoredChunk(**row) for row in rows]

    async def neighbours(
        self, generation: int, places: Collection[Place]
    ) -> dict[Place, StoredChunk]:
        """Return the chunks that are at these places; where there is none, nothing."""
        rows = await self._connection.rows(
            NEIGHBOURS.format(chunks=chunks_table(generation)),
            [place.document_id for place in places],
            [place.version for place in places],
            [place.ordinal for place in places],
        )
        return {
            Place(document_id, version, row["ordinal"]): StoredChunk(**row)
            for row in map(dict, rows)
            for document_id, version in [(row.pop("document_id"), row.pop("version"))]
        }

    async def count(self, generation: int) -> int:
        """Return how many chunks the tenant has in a generation."""
        counted: int = await self._connection.value(COUNT.format(chunks=chunks_table(generation)))
        return counted

    async def nearest(self, generation: int, search: Search) -> list[Found]:
        """Return the chunks whose vectors have the greatest cosine similarity, best first.

        ``search.limit`` of them, or all that match when those are fewer. Exact, unless the tenant
        has so many chunks that it got an index (see ``store.indexes``).
        """
        return await find_nearest(self._connection, generation, search)

    async def by_words(self, generation: int, question: str, search: Search) -> list[Found]:
        """Return the chunks that have words of the question, those with the greatest BM25 first.

        ``search.limit`` of them, or all that have one when those are fewer; ``search.vector`` is
        only what their similarity is told to. Words are rare or frequent among the chunks that
        pass the filters of the search.
        """
        return await find_by_words(self._connection, generation, question, search)
