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

# Look at every row: an index on vectors serves index scans only, all others serve bitmap scans too.
EXACTLY = "SET LOCAL enable_indexscan = off"

# The chunks nearest to a vector, among the documents that pass the filters; of each document, the
# version that is indexed completely. The tenant is a value here, not current_tenant(): only so
# does the planner see that the tenant's index fits. A vector of zeros is near to nothing.
NEAREST = """
WITH nearest AS MATERIALIZED (
    SELECT chunk.chunk_id, chunk.ordinal, chunk.page_first, chunk.page_last, chunk.char_start,
           chunk.char_end, chunk.text, chunk.document_id, chunk.version, document.filename,
           chunk.embedding <=> $1::vector::{type} AS distance
    FROM {chunks} chunk
    JOIN documents document ON document.document_id = chunk.document_id
    JOIN document_generations progress
      ON progress.document_id = chunk.document_id AND progress.version = chunk.version
     AND progress.generation_id = $4
    WHERE chunk.tenant_id = $2::uuid
      AND document.deleted_at IS NULL
      AND progress.indexed_at IS NOT NULL
      AND ($5::uuid[] IS NULL OR chunk.document_id = ANY($5))
      AND ($6::text IS NULL OR document.knowledge_base = $6)
      AND ($7::jsonb IS NULL OR document.metadata @> $7)
    ORDER BY chunk.embedding <=> $1::vector::{type}
    LIMIT $3
)
SELECT chunk_id, ordinal, page_first, page_last, char_start, char_end, text, document_id, version,
       filename, 1 - distance AS similarity
FROM nearest
WHERE distance <> 'NaN'
ORDER BY distance, chunk_id
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A chunk that a search found, with its cosine similarity, from -1 to 1."""

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


@dataclass(frozen=True, kw_only=True, slots=True)
class Search:
    """A vector of the generation's dimensions, and what a chunk's document must have."""

    vector: NDArray[np.float32]
    limit: int
    document_ids: Sequence[DocumentId] | None = None
    knowledge_base: str | None = None
    #: Every entry must be in the document's metadata, with an equal value.
    metadata: Mapping[str, object] | None = None


async def find_nearest(connection: Connection, generation: int, search: Search) -> list[Found]:
    """Return the nearest chunks, best first: as many as asked for, where so many match."""
    asking = await connection.row(PREPARE, tenant_index(generation), str(CANDIDATES))
    if asking is None or asking["tenant_id"] is None:
        return []
    statement = NEAREST.format(
        chunks=chunks_table(generation), type=vector_type(search.vector.size)
    )
    values = (
        Vector(search.vector),
        asking["tenant_id"],
        search.limit,
        generation,
        search.document_ids,
        search.knowledge_base,
        search.metadata,
    )
    rows = await connection.rows(statement, *values)
    if asking["indexed"] and len(rows) < search.limit:
        # An index gives up after so many candidates; whether there are more matches, it cannot say.
        await connection.run(EXACTLY)
        rows = await connection.rows(statement, *values)
    return [Found(**row) for row in rows]
