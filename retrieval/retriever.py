"""From a question to the ranked passages that can answer it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contracts.errors import Misconfigured
from contracts.ids import TenantId
from providers.embedding.protocol import ModelCard
from retrieval.choosing import Chosen, choose
from retrieval.fusion import fuse
from retrieval.models import EmbeddingModels
from retrieval.request import Wanted
from retrieval.results import Result, Retrieved
from retrieval.widening import Context, beside, widen
from runtime.clock import Clock, SystemClock
from runtime.metrics import RETRIEVAL_SECONDS
from runtime.settings import Settings
from runtime.telemetry import tracer
from store import Store, Transaction
from store.generations import Generation
from store.nearest import Found, Search

#: How many each ranking has for each chunk that is wanted, and at least: room for what the other
#: ranking has, too, for near-duplicates, and for what is not similar enough.
_CANDIDATES_PER_CHUNK = 4
_LEAST_CANDIDATES = 40


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """What holds where a request does not say it."""

    max_chunks: int = 5
    #: None is the embedding model's own.
    threshold: float | None = None
    neighbours: int = 2
    #: Neighbours are read while all context has no more characters; a request cannot change it.
    context_characters: int = 6000


class Retriever:
    """Finds passages in the active generation, with the model that it was embedded with."""

    def __init__(
        self,
        store: Store,
        models: EmbeddingModels,
        *,
        defaults: Defaults | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._store = store
        self._models = models
        self._defaults = defaults or Defaults()
        self._clock = clock or SystemClock()

    @classmethod
    def of(cls, settings: Settings, store: Store, models: EmbeddingModels) -> "Retriever":
        """Return a retriever whose defaults are the settings'."""
        defaults = Defaults(
            max_chunks=settings.max_chunks,
            threshold=settings.similarity_threshold,
            neighbours=settings.neighbours,
            context_characters=settings.context_characters,
        )
        return cls(store, models, defaults=defaults)

    async def retrieve(self, tenant_id: TenantId, question: str, wanted: Wanted) -> Retrieved:
        """Return what fits the question by meaning or words, best first, no repeats, widened.

        No connection is held while the question is embedded. Raises what the embedding model
        raises, ``StoreUnavailable``, or ``Misconfigured`` where nothing was ever migrated.
        """
        with tracer().start_as_current_span("retrieve"):
            started = self._clock.monotonic()
            generation = await self._active_generation(tenant_id)
            model = await self._models.get(generation.embedding_model)
            embedding_from = self._clock.monotonic()
            vector = (await model.embed([question])).vectors[0]
            searching_from = self._clock.monotonic()
            async with self._store.tenant(tenant_id) as tx:
                looking = _Looking(tx, generation, self._defaults, wanted)
                results, contexts = await looking.look(question, vector, model.card)
            ended = self._clock.monotonic()
            RETRIEVAL_SECONDS.observe(ended - started)
            return Retrieved(
                results=results,
                contexts=contexts,
                generation=generation,
                threshold=looking.threshold(model.card),
                embed_ms=(searching_from - embedding_from) * 1000,
                search_ms=(ended - searching_from) * 1000,
            )

    async def _active_generation(self, tenant_id: TenantId) -> Generation:
        async with self._store.tenant(tenant_id) as tx:
            generation = await tx.generations.active()
        if generation is None:
            raise Misconfigured("No generation is active; run `ragline migrate`.")
        return generation


class _Looking:
    """One retrieval, in one transaction."""

    def __init__(
        self, tx: Transaction, generation: Generation, defaults: Defaults, wanted: Wanted
    ) -> None:
        self._tx = tx
        self._generation = generation.generation_id
        self._defaults = defaults
        self._wanted = wanted
        self._limit = wanted.max_chunks or defaults.max_chunks

    def threshold(self, card: ModelCard) -> float:
        """Return the similarity that was asked for, of the settings, or the model's own."""
        given = (self._wanted.threshold, self._defaults.threshold, card.default_threshold)
        return next(threshold for threshold in given if threshold is not None)

    async def look(
        self, question: str, vector: NDArray[np.float32], card: ModelCard
    ) -> tuple[tuple[Result, ...], tuple[Context, ...]]:
        """Return what was found, and what is read of it."""
        by_vector, by_words = await self._both(question, vector)
        ranking = fuse(by_vector, by_words, vector_weight=card.vector_weight)
        chosen = choose(ranking, threshold=self.threshold(card), limit=self._limit)
        contexts = await self._contexts([one.ranked.found for one in chosen if one.is_context])
        return tuple(_results(chosen, contexts)), tuple(contexts)

    async def _both(
        self, question: str, vector: NDArray[np.float32]
    ) -> tuple[list[Found], list[Found]]:
        filters = self._wanted.filters
        search = Search(
            vector=vector,
            limit=max(_LEAST_CANDIDATES, self._limit * _CANDIDATES_PER_CHUNK),
            document_ids=filters.document_ids,
            knowledge_base=filters.knowledge_base,
            metadata=filters.metadata,
        )
        by_vector: list[Found] = []
        by_words: list[Found] = []
        if "vector" in self._wanted.legs:
            by_vector = await self._tx.chunks.nearest(self._generation, search)
        if "lexical" in self._wanted.legs:
            by_words = await self._tx.chunks.by_words(self._generation, question, search)
        return by_vector, by_words

    async def _contexts(self, chunks: Sequence[Found]) -> list[Context]:
        neighbours = self._wanted.neighbours
        most = self._defaults.neighbours if neighbours is None else neighbours
        places = beside(chunks, most)
        stored = await self._tx.chunks.neighbours(self._generation, places) if places else {}
        return widen(chunks, stored, most=most, room=self._defaults.context_characters)


def _results(chosen: Sequence[Chosen], contexts: Sequence[Context]) -> list[Result]:
    places = {
        (context.document_id, context.version, piece.char_start): context
        for context in contexts
        for piece in context.pieces
    }
    results: list[Result] = []
    for rank, one in enumerate(chosen, start=1):
        found = one.ranked.found
        context = places.get((found.document_id, found.version, found.char_start))
        if not one.is_context or context is None:
            [context] = widen([found], {}, most=0, room=0)
        results.append(
            Result(
                rank=rank,
                found=found,
                score=one.ranked.score,
                vector_rank=one.ranked.vector_rank,
                lexical_rank=one.ranked.lexical_rank,
                is_context=one.is_context,
                context=context,
            )
        )
    return results
