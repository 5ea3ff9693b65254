"""Search by words: the BM25 of each chunk of a tenant, computed from the words of all of them.

Nothing is kept of a collection but its words, so there is no statistic that could be wrong, wait
for a lock, or tell of another tenant. See docs/decisions/0015-words-are-weighed-when-asked.md.
"""
# ruff: noqa: S608 - statements are put together from constants, never from values

from collections.abc import Sequence
from typing import Final

from pgvector import SparseVector, Vector

from runtime.postgres import Connection
from store.generations import vector_type
from store.nearest import SEARCHABLE, WITH_LOOPS, WITHOUT_LOOPS, Found, Search
from store.tables import chunks_table, words_table
from store.words import MOST_TERMS, VOCABULARY, search_terms

#: How fast repetitions of a word lose their value, and how much a long chunk is marked down
#: (Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond, 2009). Chunks of
#: one strategy have lengths much alike: to mark down by less than the usual 0.75 measured better.
K1: Final = 1.2
B: Final = 0.4

#: How many words one inner product counts: two bits each of the 24 that a float4 holds exactly.
_PACKED: Final = MOST_TERMS // 2

# Who asks. The chunks of a large tenant are gone through in memory.
PREPARE = """
SELECT current_tenant() AS tenant_id,
       set_config('plan_cache_mode', 'force_custom_plan', true),
       set_config('jit', 'off', true),
       set_config('work_mem', '32MB', true)
"""

# How often has each chunk each word of the question? One inner product tells: the question's words
# weigh 1, 4, 16 and so on, counts go up to 3, so two bits of the product belong to each word.
# Chunks with the same counts and about the same length, in eighths of the average, score the same
# and are scored together: a hundred thousand chunks have some hundred such shapes.
BY_WORDS = f"""
WITH searchable AS MATERIALIZED ({SEARCHABLE}),
counted AS MATERIALIZED (
    SELECT words.chunk_id, words.length,
           (-(words.counts <#> $8::sparsevec))::integer AS low,
           (-(words.counts <#> $9::sparsevec))::integer AS high
    FROM {{words}} words
    JOIN searchable ON searchable.document_id = words.document_id
                   AND searchable.version = words.version
    WHERE words.tenant_id = $2::uuid
),
collection AS MATERIALIZED (
    SELECT count(*) AS chunks, greatest(avg(length), 1)::float8 AS length FROM counted
),
shaped AS MATERIALIZED (
    SELECT chunk_id, low, high, round(8 * counted.length / collection.length)::integer AS eighths
    FROM counted CROSS JOIN collection
    WHERE low > 0 OR high > 0
),
shapes AS MATERIALIZED (
    SELECT low, high, eighths, count(*) AS chunks FROM shaped GROUP BY low, high, eighths
),
frequencies AS MATERIALIZED (
    SELECT shapes.*, word,
           (CASE WHEN word < {_PACKED} THEN low >> 2 * word
                 ELSE high >> 2 * (word - {_PACKED}) END) & 3 AS frequency
    FROM shapes CROSS JOIN generate_series(0, $1 - 1) AS word
),
rarities AS MATERIALIZED (
    SELECT word, ln(1 + (collection.chunks - sum(frequencies.chunks) + 0.5)::float8
                        / (sum(frequencies.chunks) + 0.5)::float8) AS rarity
    FROM frequencies CROSS JOIN collection
    WHERE frequency > 0
    GROUP BY word, collection.chunks
),
scores AS MATERIALIZED (
    SELECT low, high, eighths,
           sum(rarity * frequency * ({K1} + 1)
               / (frequency + {K1} * (1 - {B} + {B} * eighths / 8.0)))::float8 AS score
    FROM frequencies JOIN rarities USING (word)
    WHERE frequency > 0
    GROUP BY low, high, eighths
    ORDER BY score DESC
    LIMIT $3
)
SELECT chunk_id, score
FROM scores JOIN shaped USING (low, high, eighths)
ORDER BY score DESC, chunk_id
LIMIT $3
"""

# The chunks themselves. A vector of zeros is near to nothing.
BEST = """
SELECT chunk_id, chunk.ordinal, chunk.page_first, chunk.page_last, chunk.char_start,
       chunk.char_end, chunk.text, chunk.document_id, chunk.version, document.filename,
       coalesce(1 - nullif(chunk.embedding <=> $1::vector::{type}, 'NaN'), 0) AS similarity,
       best.score AS lexical_score
FROM unnest($3::uuid[], $4::float8[]) AS best (chunk_id, score)
JOIN {chunks} chunk USING (chunk_id)
JOIN documents document USING (document_id)
WHERE chunk.tenant_id = $2::uuid
ORDER BY best.score DESC, chunk.ordinal, chunk_id
"""


async def find_by_words(
    connection: Connection, generation: int, question: str, search: Search
) -> list[Found]:
    """Return the chunks with the greatest BM25, best first; those without a word are none."""
    terms = search_terms(question)
    asking = await connection.row(PREPARE)
    if not terms or asking is None or asking["tenant_id"] is None:
        return []
    if not search.is_narrowed:
        await connection.run(WITHOUT_LOOPS)
    best = await connection.rows(
        BY_WORDS.format(words=words_table(generation)),
        len(terms),
        asking["tenant_id"],
        search.limit,
        generation,
        search.document_ids,
        search.knowledge_base,
        search.metadata,
        _packed(terms[:_PACKED]),
        _packed(terms[_PACKED:]),
    )
    await connection.run(WITH_LOOPS)
    rows = await connection.rows(
        BEST.format(chunks=chunks_table(generation), type=vector_type(search.vector.size)),
        Vector(search.vector),
        asking["tenant_id"],
        [row["chunk_id"] for row in best],
        [row["score"] for row in best],
    )
    return [Found(**row) for row in rows]


def _packed(terms: Sequence[int]) -> SparseVector:
    return SparseVector({term: 4.0**place for place, term in enumerate(terms)}, VOCABULARY)
