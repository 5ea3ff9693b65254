"""From a question to the ranked passages that can answer it."""

from dataclasses import dataclass

from contracts.errors import Misconfigured
from contracts.ids import TenantId
from providers.embedding.protocol import EmbeddingModel
from retrieval.duplicates import without_near_duplicates
from retrieval.models import EmbeddingModels
from retrieval.request import Wanted
from runtime.clock import Clock, SystemClock
from runtime.metrics import RETRIEVAL_SECONDS
from runtime.settings import Settings
from runtime.telemetry import tracer
from store import Store
from store.generations import Generation
from store.nearest import Found

#: How many are read for each that is wanted: room for near-duplicates to be left out.
_CANDIDATES_PER_CHUNK = 4


@dataclass(frozen=True, kw_only=True)
class Retrieved:
    """What was found for a question, the best first; empty when nothing fits it."""

    chunks: tuple[Found, ...]
    #: The generation that was searched.
    generation: Generation
    #: The least cosine similarity that was asked for.
    threshold: float
    embed_ms: float
    search_ms: float


class Retriever:
    """Finds passages in the active generation, with the model that it was embedded with."""

    def __init__(
        self,
        store: Store,
        models: EmbeddingModels,
        *,
        max_chunks: int,
        threshold: float | None,
        clock: Clock | None = None,
    ) -> None:
        self._store = store
        self._models = models
        self._max_chunks = max_chunks
        self._threshold = threshold
        self._clock = clock or SystemClock()

    @classmethod
    def of(cls, settings: Settings, store: Store, models: EmbeddingModels) -> "Retriever":
        """Return a retriever whose defaults are MAX_CHUNKS and SIMILARITY_THRESHOLD."""
        return cls(
            store, models, max_chunks=settings.max_chunks, threshold=settings.similarity_threshold
        )

    async def retrieve(self, tenant_id: TenantId, question: str, wanted: Wanted) -> Retrieved:
        """Return the chunks most similar to the question, at or over the threshold, no repeats.

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
            threshold = self._threshold_of(model, wanted)
            limit = wanted.max_chunks or self._max_chunks
            async with self._store.tenant(tenant_id) as tx:
                nearest = await tx.chunks.nearest(
                    generation.generation_id,
                    vector,
                    limit=limit * _CANDIDATES_PER_CHUNK,
                    document_ids=wanted.filters.document_ids,
                    knowledge_base=wanted.filters.knowledge_base,
                    metadata=wanted.filters.metadata,
                )
            similar = (found for found in nearest if found.similarity >= threshold)
            chunks = tuple(without_near_duplicates(similar, limit))
            ended = self._clock.monotonic()
            RETRIEVAL_SECONDS.observe(ended - started)
            return Retrieved(
                chunks=chunks,
                generation=generation,
                threshold=threshold,
                embed_ms=(searching_from - embedding_from) * 1000,
                search_ms=(ended - searching_from) * 1000,
            )

    async def _active_generation(self, tenant_id: TenantId) -> Generation:
        async with self._store.tenant(tenant_id) as tx:
            generation = await tx.generations.active()
        if generation is None:
            raise Misconfigured("No generation is active; run `ragline migrate`.")
        return generation

    def _threshold_of(self, model: EmbeddingModel, wanted: Wanted) -> float:
        if wanted.threshold is not None:
            return wanted.threshold
        return model.card.default_threshold if self._threshold is None else self._threshold
