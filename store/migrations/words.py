"""Counts the words of the chunks that were written before words were counted."""

from uuid import UUID

from alembic import op
from pgvector import SparseVector
from sqlalchemy.util import await_only

from runtime.postgres import RawConnection
from store.words import VOCABULARY, count_words

#: Chunks at a time.
_BATCH = 1000
_FIRST = UUID(int=0)

# The tables of chunks that exist, by generation.
TABLES = """
SELECT substring(relname from 'chunks_g(\\d+)$')::integer AS generation FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname ~ '^chunks_g\\d+$'
ORDER BY 1
"""
CREATE = "SELECT create_words_table($1)"

# Rows of tenants are hidden from the owner, too, while this is forced.
UNFORCE = """
ALTER TABLE {chunks} NO FORCE ROW LEVEL SECURITY;
ALTER TABLE {words} NO FORCE ROW LEVEL SECURITY;
"""
FORCE = """
ALTER TABLE {chunks} FORCE ROW LEVEL SECURITY;
ALTER TABLE {words} FORCE ROW LEVEL SECURITY;
"""
READ = "SELECT chunk_id, text FROM {chunks} WHERE chunk_id > $1 ORDER BY chunk_id LIMIT $2"
WRITE = """
INSERT INTO {words} (chunk_id, tenant_id, document_id, version, length, counts)
SELECT chunk_id, tenant_id, document_id, version, counted.length, counted.counts::sparsevec
FROM unnest($1::uuid[], $2::smallint[], $3::text[]) AS counted (chunk_id, length, counts)
JOIN {chunks} chunk USING (chunk_id)
"""


def fill_words() -> None:
    """Make the table of words of every generation and fill it, in the migration's transaction."""
    driver = op.get_bind().connection.driver_connection
    if driver is None:
        raise RuntimeError("Migrations run on a connection, not as SQL on paper.")
    await_only(fill(driver))


async def fill(connection: RawConnection) -> None:
    """Do so on a connection of the tables' owner; a table that is there already is an error."""
    for row in await connection.fetch(TABLES):
        generation = row["generation"]
        names = {"chunks": f"chunks_g{generation}", "words": f"words_g{generation}"}
        await connection.fetchval(CREATE, generation)
        await connection.execute(UNFORCE.format(**names))
        after = _FIRST
        while chunks := await connection.fetch(READ.format(**names), after, _BATCH):
            counted = [count_words(chunk["text"]) for chunk in chunks]
            await connection.execute(
                WRITE.format(**names),
                [chunk["chunk_id"] for chunk in chunks],
                [words.length for words in counted],
                [SparseVector(words.counts, VOCABULARY).to_text() for words in counted],
            )
            after = chunks[-1]["chunk_id"]
        await connection.execute(FORCE.format(**names))
