"""Embedding for many callers at once: what they ask for together is sent together."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from contracts.errors import ProviderRefused
from providers.embedding.protocol import Embedded, EmbeddingModel, ModelCard

#: How long a call waits for others to join it: little beside a provider's answer.
GATHER_SECONDS = 0.01


@dataclass(frozen=True)
class _Waiting:
    texts: Sequence[str]
    result: asyncio.Future[Embedded]


class GatheringModel:
    """An embedding model whose concurrent callers share provider calls.

    Vectors and errors are those of the model itself; the tokens and calls of a shared request are
    split between its callers by the length of their texts.
    """

    def __init__(self, model: EmbeddingModel) -> None:
        self._model = model
        self._waiting: list[_Waiting] = []
        self._sending: set[asyncio.Task[None]] = set()
        self._gathering: asyncio.Task[None] | None = None

    @property
    def card(self) -> ModelCard:
        """Name, dimensions, default threshold and limits."""
        return self._model.card

    @property
    def is_local_twin(self) -> bool:
        """Whether this serves one machine in place of the real provider."""
        return self._model.is_local_twin

    async def embed(self, texts: Sequence[str]) -> Embedded:
        """Embed the texts, in calls shared with whoever asks at the same time."""
        waiting = _Waiting(texts, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._is_full():
            self._send()
        elif self._gathering is None:
            self._gathering = asyncio.create_task(self._send_soon())
        return await waiting.result

    async def close(self) -> None:
        """Release the model; what still waits is cancelled."""
        for task in (*self._sending, *filter(None, [self._gathering])):
            task.cancel()
        await self._model.close()

    def _is_full(self) -> bool:
        return sum(len(w.texts) for w in self._waiting) >= self._model.card.max_batch_inputs

    async def _send_soon(self) -> None:
        await asyncio.sleep(GATHER_SECONDS)
        self._gathering = None
        self._send()

    def _send(self) -> None:
        batch, self._waiting = self._waiting, []
        if not batch:
            return
        task = asyncio.create_task(self._embed(batch))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _embed(self, batch: list[_Waiting]) -> None:
        try:
            together = await self._model.embed([text for w in batch for text in w.texts])
        except ProviderRefused as error:
            if len(batch) == 1:
                _fail(batch, error)
            else:  # one text may be at fault; its neighbours must not suffer
                await asyncio.gather(*(self._embed([waiting]) for waiting in batch))
        except asyncio.CancelledError:
            for waiting in batch:
                waiting.result.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - handed to every caller
            _fail(batch, error)
        else:
            _share(batch, together)


def _fail(batch: list[_Waiting], error: Exception) -> None:
    for waiting in batch:
        if not waiting.result.done():
            waiting.result.set_exception(error)


def _share(batch: list[_Waiting], together: Embedded) -> None:
    lengths = [sum(map(len, waiting.texts)) for waiting in batch]
    tokens = _split(together.tokens, lengths)
    calls = _split(together.calls, lengths)
    start = 0
    for waiting, its_tokens, its_calls in zip(batch, tokens, calls, strict=True):
        end = start + len(waiting.texts)
        if not waiting.result.done():
            waiting.result.set_result(
                Embedded(
                    vectors=np.ascontiguousarray(together.vectors[start:end]),
                    tokens=its_tokens,
                    calls=its_calls,
                )
            )
        start = end


def _split(total: int, weights: Sequence[int]) -> list[int]:
    """Split ``total`` in proportion to the weights; the parts sum to ``total`` exactly."""
    whole = sum(weights) or 1
    ends = [total * sum(weights[: index + 1]) // whole for index in range(len(weights))]
    return [end - start for start, end in zip([0, *ends[:-1]], ends, strict=True)]
