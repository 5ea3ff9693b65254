"""Indexes on vectors, for tenants with so many chunks that looking at each takes too long."""

from runtime.postgres import Connection
from runtime.postgres_sessions import connected
from store.generations import FED, Generation, vector_type
from store.tables import chunks_table, tenant_index

APPLICATION = "ragline indexes"

# Rows of tenants are hidden from the owner of the tables; this role may count them.
AS_SYSTEM = "SET ROLE ragline_system"
AS_OWNER = "RESET ROLE"

# The tenants that have so many chunks in a generation.
LARGE = """
SELECT tenant_id FROM document_generations
WHERE generation_id = $1
GROUP BY tenant_id HAVING sum(chunks_done) >= $2
ORDER BY tenant_id
"""

# Indexes of a generation's table that were built completely.
BUILT = """
SELECT relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
WHERE indrelid = $1::text::regclass AND indisvalid
"""

# One index for one tenant: an index of all tenants would find other tenants' chunks first, and
# with a filter on top of it lose answers. What an interrupted build left is removed before.
DROP = "DROP INDEX CONCURRENTLY IF EXISTS {index}"
CREATE = """
CREATE INDEX CONCURRENTLY {index} ON {chunks}
USING hnsw (embedding {type}_cosine_ops) WITH (m = 16, ef_construction = 128)
WHERE tenant_id = '{tenant}'
"""

# The statistics that the planner weighs an index with.
ANALYZE = "ANALYZE {chunks}, documents, document_generations"


async def build_tenant_indexes(dsn: str, *, min_chunks: int = 10_000) -> list[str]:
    """Give each tenant with so many chunks in a generation an index of its own.

    ``dsn`` names the owner of the tables. Returns the names of the indexes it built; those that
    are there already are left alone. Reading and writing go on meanwhile.
    """
    async with connected(dsn, application=APPLICATION, command_seconds=None) as connection:
        return [
            index
            for generation in [Generation(**row) for row in await connection.rows(FED)]
            for index in await _build(connection, generation, min_chunks)
        ]


async def _build(connection: Connection, generation: Generation, min_chunks: int) -> list[str]:
    chunks = chunks_table(generation.generation_id)
    await connection.run(AS_SYSTEM)
    large = await connection.rows(LARGE, generation.generation_id, min_chunks)
    await connection.run(AS_OWNER)
    built = {row["relname"] for row in await connection.rows(BUILT, chunks)}
    names = {
        f"{tenant_index(generation.generation_id)}{row['tenant_id'].hex}": row["tenant_id"]
        for row in large
    }
    missing = {index: tenant for index, tenant in names.items() if index not in built}
    if missing:
        await connection.run(ANALYZE.format(chunks=chunks))
    for index, tenant in missing.items():
        await connection.run(DROP.format(index=index))
        kind = vector_type(generation.dimensions)
        await connection.run(CREATE.format(index=index, chunks=chunks, type=kind, tenant=tenant))
    return list(missing)
