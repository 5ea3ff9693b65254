"""Callers that ask at the same time share a call, and nothing else."""

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest

from contracts.errors import ProviderBusy, ProviderRefused
from providers.embedding.cards import CARDS
from providers.embedding.gathering import GatheringModel
from providers.embedding.protocol import Embedded, ModelCard

pytestmark = pytest.mark.asyncio


class Scripted:
    """A model that keeps what it was asked, and refuses texts that say so."""

    is_local_twin = True

    def __init__(self) -> None:
        self.requests: list[list[str]] = []
        self.busy = False

    @property
    def card(self) -> ModelCard:
        return CARDS["wordllama-256"]

    async def embed(self, texts: Sequence[str]) -> Embedded:
        self.requests.append(list(texts))
        if self.busy:
            raise ProviderBusy(retry_after=3)
        if "refuse me" in texts:
            raise ProviderRefused("no")
        vectors = np.array([[len(text), 1] for text in texts], dtype=np.float32)
        return Embedded(vectors=vectors, tokens=sum(map(len, texts)), calls=1)

    async def close(self) -> None:
        return


async def test_callers_at_the_same_time_share_one_call() -> None:
    model = Scripted()
    gathering = GatheringModel(model)
    first, second = await asyncio.gather(gathering.embed(["a", "bb"]), gathering.embed(["cccc"]))
    assert model.requests == [["a", "bb", "cccc"]]
    assert first.vectors[:, 0].tolist() == [1, 2]
    assert second.vectors[:, 0].tolist() == [4]
    assert (first.tokens, second.tokens) == (3, 4)
    assert first.calls + second.calls == 1


async def test_a_refused_text_does_not_harm_its_neighbours() -> None:
    gathering = GatheringModel(Scripted())
    good, bad = await asyncio.gather(
        gathering.embed(["fine"]), gathering.embed(["refuse me"]), return_exceptions=True
    )
    assert isinstance(good, Embedded)
    assert isinstance(bad, ProviderRefused)


async def test_a_busy_provider_is_reported_to_every_caller_after_one_call() -> None:
    model = Scripted()
    model.busy = True
    gathering = GatheringModel(model)
    results = await asyncio.gather(
        *(gathering.embed([str(number)]) for number in range(5)), return_exceptions=True
    )
    assert all(isinstance(result, ProviderBusy) for result in results)
    assert len(model.requests) == 1


async def test_a_caller_that_leaves_does_not_stop_the_others() -> None:
    gathering = GatheringModel(Scripted())
    leaving = asyncio.create_task(gathering.embed(["gone"]))
    staying = asyncio.create_task(gathering.embed(["here"]))
    await asyncio.sleep(0)
    leaving.cancel()
    assert (await staying).vectors[0, 0] == 4


async def test_a_full_request_is_sent_at_once() -> None:
    model = Scripted()
    gathering = GatheringModel(model)
    full = ["x"] * model.card.max_batch_inputs
    waiting = asyncio.create_task(gathering.embed(full))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(model.requests) == 1
    await waiting
