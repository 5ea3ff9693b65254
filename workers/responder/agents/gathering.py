"""What several searches found, as one ranking."""

from collections import defaultdict
from collections.abc import Sequence

from contracts.ids import ChunkId
from retrieval import Retrieved
from store.nearest import Found
from workers.responder.agents.finding import timings_of

#: Of reciprocal rank fusion: how little the first places differ (Cormack et al., 2009).
_RANK_CONSTANT = 60


class Gathered:
    """Chunks that were found, the best first, each once."""

    def __init__(self, searches: Sequence[Retrieved]) -> None:
        """Rank by the sum of reciprocal ranks; of one search at least."""
        self._searches = tuple(searches)
        self._ranked = _ranked(searches)

    @property
    def generation_id(self) -> int:
        """The generation that was searched."""
        return self._searches[0].generation.generation_id

    @property
    def timings(self) -> dict[str, float]:
        """What all searches took together, by name."""
        added: dict[str, float] = defaultdict(float)
        for search in self._searches:
            for name, took in timings_of(search).items():
                added[name] += took
        return {name: round(took, 1) for name, took in added.items()}

    def best(self, most: int) -> list[Found]:
        """Return the first of them."""
        return self._ranked[:most]

    def keep(self, numbers: Sequence[int]) -> None:
        """Keep those at these places, from 1, in this order."""
        self._ranked = [self._ranked[number - 1] for number in numbers]

    def add(self, searches: Sequence[Retrieved]) -> None:
        """Put what more searches found behind these."""
        self._searches = (*self._searches, *searches)
        known = {chunk.chunk_id for chunk in self._ranked}
        self._ranked += [chunk for chunk in _ranked(searches) if chunk.chunk_id not in known]


def _ranked(searches: Sequence[Retrieved]) -> list[Found]:
    scores: dict[ChunkId, float] = defaultdict(float)
    found: dict[ChunkId, Found] = {}
    for search in searches:
        for rank, chunk in enumerate(search.chunks, start=1):
            scores[chunk.chunk_id] += 1 / (_RANK_CONSTANT + rank)
            found.setdefault(chunk.chunk_id, chunk)
    return sorted(found.values(), key=lambda chunk: scores[chunk.chunk_id], reverse=True)
