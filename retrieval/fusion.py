"""One ranking out of two: what the vectors found, and what the words found."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from contracts.ids import ChunkId
from store.nearest import Found

#: How much the first places of a ranking count more than the later ones. Reciprocal rank fusion
#: (Cormack, Clarke and Büttcher, 2009) takes 60 for rankings of a thousand; of some forty, with
#: five that matter, a smaller one measured better.
RANK_CONSTANT: Final = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Ranked:
    """A chunk with its places in the rankings, from 1; None where a ranking lacks it."""

    found: Found
    #: Of the fused ranking: greater is better, at most 1.
    score: float
    vector_rank: int | None
    lexical_rank: int | None


def fuse(
    by_vector: Sequence[Found], by_words: Sequence[Found], *, vector_weight: float
) -> list[Ranked]:
    """Return all chunks of both rankings, best first.

    A ranking gives a chunk its weight divided by ``RANK_CONSTANT`` and the chunk's place. Words
    weigh 1. The score is the share of what the first place in both would have, so 1 is the most;
    without words, or without vectors, of what the first place in the other has.
    """
    vector_ranks = _ranks(by_vector)
    lexical_ranks = _ranks(by_words)
    weights = (vector_weight if by_vector else 0.0, 1.0 if by_words else 0.0)
    most = sum(weights) / (RANK_CONSTANT + 1)
    # The words' own findings last: they know the score that the words gave.
    chunks = {found.chunk_id: found for found in (*by_vector, *by_words)}
    ranked = [
        Ranked(
            found=found,
            score=_score(weights, (vector_ranks.get(chunk), lexical_ranks.get(chunk))) / most,
            vector_rank=vector_ranks.get(chunk),
            lexical_rank=lexical_ranks.get(chunk),
        )
        for chunk, found in chunks.items()
    ]
    return sorted(ranked, key=_order)


def _ranks(found: Sequence[Found]) -> dict[ChunkId, int]:
    return {one.chunk_id: rank for rank, one in enumerate(found, start=1)}


def _score(weights: tuple[float, float], ranks: tuple[int | None, int | None]) -> float:
    return sum(
        weight / (RANK_CONSTANT + rank)
        for weight, rank in zip(weights, ranks, strict=True)
        if rank is not None
    )


def _order(ranked: Ranked) -> tuple[float, int, ChunkId]:
    """Return what sorts a ranking: of chunks that fit alike, what comes earlier in its document."""
    return -ranked.score, ranked.found.ordinal, ranked.found.chunk_id
