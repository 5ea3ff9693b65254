"""Which of the ranked chunks are shown, and which of those are context."""

from collections.abc import Sequence
from dataclasses import dataclass

from retrieval.duplicates import without_near_duplicates
from retrieval.fusion import Ranked


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """A ranked chunk, and whether an answer may be given from it."""

    ranked: Ranked
    is_context: bool


def choose(ranking: Sequence[Ranked], *, threshold: float, limit: int) -> list[Chosen]:
    """Return at most ``limit`` of a ranking, best first, none that repeats a better one.

    Context is what has at least the similarity ``threshold``, however it was found. It goes before
    everything else: only room that is left is for what words found and is no context.
    """
    fitting = [
        Chosen(ranked=ranked, is_context=ranked.found.similarity >= threshold)
        for ranked in ranking
        if ranked.found.similarity >= threshold or ranked.lexical_rank is not None
    ]
    context_first = sorted(fitting, key=lambda chosen: not chosen.is_context)
    kept = without_near_duplicates(context_first, limit, text_of=_text)
    return sorted(kept, key=fitting.index)


def _text(chosen: Chosen) -> str:
    return chosen.ranked.found.text
