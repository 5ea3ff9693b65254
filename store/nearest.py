"""Search by vector: exact, or through a tenant's own index where it has one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pgvector import Vector

from contracts.ids import ChunkId, DocumentId
from runtime.postgres import Connection
from store.generations import vector_type
from store.tables import chunks_table, tenant_index

#: How many candidates an index looks at before it is asked for more. Recall grows with it.
CANDIDATES = 200

# Before a search. The plan is made for this tenant and these filters, or it could use neither the
# tenant's index nor leave out the filters that are not set; an index goes on until enough rows
# pass the filters. Also: who asks, and is there an index?
PREPARE = """
SELECT current_tenant() AS tenant_id,
       to_regclass($1 || replace(current_tenant()::text, '-', '')) IS NOT NULL AS indexed,
       set_config('plan_cache_mode', 'force_custom_plan', true),
       set_config('hnsw.iterative_scan', 'relaxed_order', true),
       set_config('hnsw.ef_search', $2, true)
"""

# Of each document that passes the filters: the version whose chunks are all there.
SEARCHABLE = """
SELECT document.document_id, progress.version, document.filename
FROM documents document
JOIN document_generations progress ON progress.document_id = document.document_id
WHERE document.tenant_id = $2::uuid AND document.deleted_at IS NULL
  AND progress.generation_id = $4 AND progress.indexed_at IS NOT NULL
  AND ($5::uuid[] IS NULL OR document.document_id = ANY($5))
  AND ($6::text IS NULL OR document.knowledge_base = $6)
  AND ($7::jsonb IS NULL OR document.metadata @> $7)
"""

# The chunks of those documents that are nearest to a vector. The tenant is a value here, not
# current_tenant(): only so does the planner see that the tenant's index fits. A vector of zeros is
# near to nothing. Ties are in one order always.
_NEAREST = """
SELECT chunk.chunk_id, chunk.ordinal, chunk.page_first, chunk.page_last, chunk.char_start,
       chunk.char_end, chunk.text, chunk.document_id, chunk.version, searchable.filename,
       chunk.embedding <=> $1::vector::{type} AS distance
FROM {chunks} chunk
JOIN searchable ON searchable.document_id = chunk.document_id
               AND searchable.version = chunk.version
WHERE chunk.tenant_id = $2::uuid
ORDER BY chunk.embedding <=> $1::vector::{type}
LIMIT $3
"""
_FOUND = """
SELECT chunk_id, ordinal, page_first, page_last, char_start, char_end, text, document_id, version,
       filename, 1 - distance AS similarity
FROM nearest
WHERE distance <> 'NaN'
ORDER BY distance, ordinal, chunk_id
"""

# Look at every chunk: the documents first, once, then theirs.
EXACT = f"""
WITH searchable AS MATERIALIZED ({SEARCHABLE}), nearest AS MATERIALIZED ({_NEAREST}) {_FOUND}
"""

# Let the planner weigh the tenant's index against that: with few matches, looking at each is less.
INDEXED = f"""
WITH searchable AS NOT MATERIALIZED ({SEARCHABLE}), nearest AS MATERIALIZED ({_NEAREST}) {_FOUND}
"""

# An index on vectors serves index scans only, all others serve bitmap scans too.
WITHOUT_INDEX = "SET LOCAL enable_indexscan = off"
WITH_INDEX = "SET LOCAL enable_indexscan = on"

# Where nothing narrows a tenant's documents down, all of them are joined. Of a tenant that is newer
# than the table's statistics the planner expects one, and would compare each with each.
WITHOUT_LOOPS = "SET LOCAL enable_nestloop = off"
WITH_LOOPS = "SET LOCAL enable_nestloop = on"


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A chunk that a search found, with the cosine similarity of its vector, from -1 to 1."""

    chunk_id: ChunkId
    ordinal: int
    page_first: int
    page_last: int
    char_start: int
    char_end: int
    text: str
    document_id: DocumentId
    version: int
    filename: str
    similarity: float
    #: Of the words that it shares with the question; None where they were not what found it.
    lexical_score: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Search:
    """A vector of the generation's dimensions, and what a chunk's document must have."""

    vector: NDArray[np.float32]
    limit: int
    document_ids: Sequence[DocumentId] | None = None
    knowledge_base: str | None = None
    #: Every entry must be in the document's metadata, with an equal value.
    metadata: Mapping[str, object] | None = None

    @property
    def is_narrowed(self) -> bool:
        """Whether some of the tenant's documents are left out."""
        filters = (self.document_ids, self.knowledge_base, self.metadata)
        return any(chosen is not None for chosen in filters)


async def find_nearest(connection: Connection, generation: int, search: Search) -> list[Found]:
    """Return the nearest chunks, best first: as many as asked for, where so many match."""
    asking = await connection.row(PREPARE, tenant_index(generation), str(CANDIDATES))
    if asking is None or asking["tenant_id"] is None:
        return []
    values = (
        Vector(search.vector),
        asking["tenant_id"],
        search.limit,
        generation,
        search.document_ids,
        search.knowledge_base,
        search.metadata,
    )
    names = {"chunks": chunks_table(generation), "type": vector_type(search.vector.size)}
    if asking["indexed"]:
        rows = await connection.rows(INDEXED.format(**names), *values)
        if len(rows) == search.limit:
            return [Found(**row) for row in rows]
        # An index gives up after so many candidates; whether more would match, it cannot say.
        await connection.run(WITHOUT_INDEX)
    elif not search.is_narrowed:
        await connection.run(WITHOUT_LOOPS)
    rows = await connection.rows(EXACT.format(**names), *values)
    await connection.run(f"{WITH_INDEX}; {WITH_LOOPS}")
    return [Found(**row) for row in rows]
