"""Embeddings by OpenAI, or by any server that speaks its protocol."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from providers.embedding.batches import encodable, most_tokens, plan_batches, require_embeddable
from providers.embedding.cards import openai_card
from providers.embedding.protocol import Embedded, ModelCard
from providers.failures import RequestTooLarge
from providers.measuring import measured
from providers.openai_service import create_openai_client, create_openai_service
from runtime.settings import Settings

#: Seconds that a request waits here for the provider's limits; beyond, its records wait instead.
_PATIENCE = 30.0


class _Vector(msgspec.Struct):
    #: Base64 of little-endian float32, as asked for, or plain numbers from simpler servers.
    embedding: bytes | list[float]
    index: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    #: The same: an embedding has no output. Some servers give only one of the two.
    total_tokens: int = 0


class _Answer(msgspec.Struct):
    data: list[_Vector]
    usage: _Usage | None = None


@dataclass(frozen=True, kw_only=True)
class _Asked:
    #: One vector a text, in their order, as the provider sent them.
    rows: list[NDArray[np.float32]]
    tokens: int


class OpenAIEmbedding:
    """Embeds by ``/embeddings``; one instance per process, used by all its coroutines at once."""

    is_local_twin = False

    def __init__(self, settings: Settings, card: ModelCard) -> None:
        self.card = card
        self._client = create_openai_client(settings)
        self._service = create_openai_service(settings, patience=_PATIENCE)

    @classmethod
    async def discover(cls, settings: Settings, name: str) -> Self:
        """Return a model whose dimensions are learnt by embedding one word.

        Raises what ``embed`` raises.
        """
        model = cls(settings, openai_card(name, dimensions=0))
        try:
            asked = await model._ask(["word"])
        except BaseException:
            await model.close()
            raise
        model.card = openai_card(name, dimensions=len(asked.rows[0]))
        return model

    @measured("openai", "embed")
    async def embed(self, texts: Sequence[str]) -> Embedded:
        """Embed in the fewest requests that the card's limits allow, one after the other.

        Raises:
            ProviderUnauthorized: the key is not accepted, or its credit is used up.
            ProviderRefused: a text is blank or too long, or the provider does not want it.
            ProviderBusy: the provider limits us; no request starts before its time.
            ProviderUnavailable: no answer, or one with the wrong vectors.
        """
        require_embeddable(texts, self.card)
        clean = [encodable(text) for text in texts]
        vectors = np.empty((len(clean), self.card.dimensions), np.float32)
        tokens = calls = 0
        for batch in plan_batches(clean, self.card.max_batch_inputs, self.card.max_batch_tokens):
            embedded = await self._embed(clean[batch])
            vectors[batch] = embedded.vectors
            tokens, calls = tokens + embedded.tokens, calls + embedded.calls
        return Embedded(vectors=vectors, tokens=tokens, calls=calls)

    async def close(self) -> None:
        """Release connections."""
        await self._client.close()

    async def _embed(self, texts: list[str]) -> Embedded:
        try:
            asked = await self._ask(texts)
        except RequestTooLarge:
            if len(texts) == 1:
                raise
            # Tokens are estimated, and text like base64 has more than the estimate.
            return await self._embed_halves(texts)
        return Embedded(vectors=self._unit_vectors(asked.rows), tokens=asked.tokens, calls=1)

    async def _embed_halves(self, texts: list[str]) -> Embedded:
        middle = len(texts) // 2
        halves = [await self._embed(texts[:middle]), await self._embed(texts[middle:])]
        return Embedded(
            vectors=np.concatenate([half.vectors for half in halves]),
            tokens=sum(half.tokens for half in halves),
            calls=1 + sum(half.calls for half in halves),
        )

    async def _ask(self, texts: list[str]) -> _Asked:
        await self._service.turn(sum(map(most_tokens, texts)))
        with self._service.judged():
            response = await self._client.embeddings.with_raw_response.create(
                model=self.card.name, input=texts, encoding_format="base64"
            )
            answer = msgspec.json.decode(response.content, type=_Answer)
            answer.data.sort(key=lambda vector: vector.index or 0)
            rows = [_numbers(vector) for vector in answer.data]
        self._service.learn(response.headers)
        if len(rows) != len(texts):
            raise self._service.broken(f"sent {len(rows)} vectors for {len(texts)} texts")
        usage = answer.usage or _Usage()
        return _Asked(rows=rows, tokens=usage.prompt_tokens or usage.total_tokens)

    def _unit_vectors(self, rows: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        for row in rows:
            if len(row) != self.card.dimensions:
                raise self._service.broken(
                    f"sent vectors of {len(row)} dimensions where {self.card.name} has "
                    f"{self.card.dimensions}"
                )
        vectors = np.stack(rows)
        lengths: NDArray[np.float64] = np.linalg.norm(vectors.astype(np.float64), axis=1)
        if not (np.isfinite(lengths).all() and lengths.all()):
            raise self._service.broken("sent vectors without a direction")
        return (vectors / lengths[:, None]).astype(np.float32)


def _numbers(vector: _Vector) -> NDArray[np.float32]:
    if isinstance(vector.embedding, bytes):
        return np.frombuffer(vector.embedding, "<f4")
    with np.errstate(over="ignore"):  # becomes infinite, and is found to have no direction
        return np.asarray(vector.embedding, np.float32)
