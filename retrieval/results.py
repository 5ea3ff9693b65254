"""What a retrieval found."""

from dataclasses import dataclass

from retrieval.widening import Context
from store.generations import Generation
from store.nearest import Found


@dataclass(frozen=True, kw_only=True)
class Result:
    """A chunk that was found, how well it fits, and what is read of it."""

    #: From 1, the best of what is returned.
    rank: int
    found: Found
    #: Of the fused ranking, at most 1; comparable within one retrieval only.
    score: float
    #: Its places in the two rankings, from 1; None where one does not have it.
    vector_rank: int | None
    lexical_rank: int | None
    #: Whether its similarity is enough to answer from it.
    is_context: bool
    #: The chunk with its neighbours; results that touch share one. Without context, the chunk.
    context: Context


@dataclass(frozen=True, kw_only=True)
class Retrieved:
    """What was found for a question, the best first; empty when nothing fits it."""

    results: tuple[Result, ...]
    #: What an answer may be given from, each text once, the best first.
    contexts: tuple[Context, ...]
    #: The generation that was searched.
    generation: Generation
    #: The least cosine similarity that was asked for.
    threshold: float
    embed_ms: float
    search_ms: float

    @property
    def chunks(self) -> tuple[Found, ...]:
        """The chunks that are context, as they are embedded, the best first."""
        return tuple(result.found for result in self.results if result.is_context)
