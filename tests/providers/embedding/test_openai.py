"""How the OpenAI client copes with what the protocol and the network can do to it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable

import numpy as np
import pytest
import pytest_asyncio

from contracts.errors import (
    ProviderBusy,
    ProviderRefused,
    ProviderUnauthorized,
    ProviderUnavailable,
    RaglineError,
)
from providers.embedding.factory import create_embedding
from providers.embedding.protocol import EmbeddingModel
from runtime.settings import Settings
from tests.fixtures.openai_server import OpenAIServer
from tests.fixtures.vendor_http import Behaviour, Fail, HangUp, Reply, Stall

pytestmark = pytest.mark.asyncio

VECTOR = [0.1] * 1536


@pytest_asyncio.fixture
async def model(settings: Settings) -> AsyncIterator[EmbeddingModel]:
    model = await create_embedding(settings.model_copy(update={"provider_timeout": 0.5}))
    yield model
    await model.close()


def vectors_of(*rows: list[float] | None) -> Reply:
    data = [{"index": index, "embedding": row} for index, row in enumerate(rows)]
    return Reply(json.dumps({"data": data}).encode())


async def test_asks_for_base64(server: OpenAIServer, model: EmbeddingModel) -> None:
    await model.embed(["a text"])
    asked = server.requests[0].json
    assert asked["encoding_format"] == "base64"
    assert (asked["model"], asked["input"]) == ("text-embedding-3-small", ["a text"])


async def test_puts_vectors_into_the_order_of_their_index(
    server: OpenAIServer, model: EmbeddingModel
) -> None:
    rows = np.eye(2, 1536)
    data = [
        {"index": 1, "embedding": rows[1].tolist()},
        {"index": 0, "embedding": rows[0].tolist()},
    ]
    server.script.append(Reply(json.dumps({"data": data}).encode()))
    assert (await model.embed(["first", "second"])).vectors == pytest.approx(rows)


async def test_makes_vectors_of_any_length_unit_vectors(
    server: OpenAIServer, model: EmbeddingModel
) -> None:
    server.script.append(vectors_of([7.0] * 1536))
    vectors = (await model.embed(["a text"])).vectors
    assert np.linalg.norm(vectors) == pytest.approx(1)


async def test_fills_each_request_up_to_the_limits(
    server: OpenAIServer, model: EmbeddingModel
) -> None:
    embedded = await model.embed(["tiny"] * 4_100 + ["x" * 8_000] * 100)
    sizes = [len(request.json["input"]) for request in server.requests]
    assert sizes == [2048, 2048, 78, 26]
    assert embedded.vectors.shape == (4_200, 1536)
    assert embedded.calls == 4


async def test_halves_a_request_that_has_more_tokens_than_estimated(
    server: OpenAIServer, model: EmbeddingModel
) -> None:
    server.script.append(Fail(400, "max_tokens_per_request", "Requested 400000 tokens, max 300000"))
    embedded = await model.embed(["one", "two", "three"])
    assert [request.json["input"] for request in server.requests] == [
        ["one", "two", "three"],
        ["one"],
        ["two", "three"],
    ]
    assert embedded.vectors == pytest.approx((await model.embed(["one", "two", "three"])).vectors)
    assert embedded.calls == 3


@pytest.mark.parametrize(
    ("behaviour", "error", "says"),
    [
        (Fail(401, "invalid_api_key"), ProviderUnauthorized, "correct OPENAI_API_KEY"),
        (Fail(403, "", "no access to it"), ProviderUnauthorized, "no access to it"),
        (Fail(429, "insufficient_quota"), ProviderUnauthorized, "credit"),
        (Fail(429), ProviderBusy, "limits our requests"),
        (Fail(400, "", "too many inputs"), ProviderRefused, "too many inputs"),
        (Fail(404, "model_not_found", "no such model"), ProviderRefused, "no such model"),
        (Fail(413, "", "too large"), ProviderRefused, "too large"),
        (Fail(422, "", "not so"), ProviderRefused, "not so"),
        (Fail(500), ProviderUnavailable, "problem of its own"),
        (Fail(502, body=b"<html>Bad gateway</html>"), ProviderUnavailable, "status 502"),
        (Fail(503), ProviderUnavailable, "problem of its own"),
        (HangUp(), ProviderUnavailable, "broke off"),
        (Stall(5), ProviderUnavailable, "in time"),
        (Reply(b'{"data": [{"emb'), ProviderUnavailable, "cannot be read"),
        (Reply(b"[]"), ProviderUnavailable, "cannot be read"),
        (Reply(b"\xff\xfe"), ProviderUnavailable, "cannot be read"),
        (Reply(b'{"data": [{"embedding": "AAA="}]}'), ProviderUnavailable, "cannot be read"),
        (vectors_of(None), ProviderUnavailable, "cannot be read"),
        (vectors_of(), ProviderUnavailable, "0 vectors for 1 texts"),
        (vectors_of(VECTOR, VECTOR), ProviderUnavailable, "2 vectors for 1 texts"),
        (vectors_of([0.5] * 100), ProviderUnavailable, "100 dimensions"),
        (vectors_of([0.0] * 1536), ProviderUnavailable, "direction"),
        (vectors_of([1e39] * 1536), ProviderUnavailable, "direction"),
    ],
    ids=lambda value: str(value)[:50],
)
async def test_says_what_went_wrong_after_one_call(
    server: OpenAIServer,
    model: EmbeddingModel,
    behaviour: Behaviour,
    error: type[RaglineError],
    says: str,
) -> None:
    server.script.append(behaviour)
    with pytest.raises(error, match=says) as caught:
        await model.embed(["a text"])
    assert type(caught.value).code == error.code
    assert len(server.requests) == 1


async def test_works_again_after_every_failure(server: OpenAIServer, model: EmbeddingModel) -> None:
    for failure in (Fail(500), HangUp(), Stall(5), Reply(b"{")):
        server.script.append(failure)
        with pytest.raises(ProviderUnavailable):
            await model.embed(["a text"])
        assert (await model.embed(["a text"])).calls == 1


async def test_never_repeats_the_key(server: OpenAIServer, model: EmbeddingModel) -> None:
    server.key = "another-key"
    with pytest.raises(ProviderUnauthorized) as caught:
        await model.embed(["a text"])
    assert "sk-test" not in caught.value.message
    assert "another-key" not in caught.value.message


async def test_waits_for_a_slow_first_byte(server: OpenAIServer, model: EmbeddingModel) -> None:
    server.script.append(Stall(0.3))
    assert (await model.embed(["a text"])).calls == 1


async def test_says_that_nothing_listens(settings_with: Callable[..., Settings]) -> None:
    async with OpenAIServer() as gone:
        url = gone.base_url
    model = await create_embedding(settings_with(openai_base_url=url))
    with pytest.raises(ProviderUnavailable, match="cannot be reached"):
        await model.embed(["a text"])
    await model.close()


async def test_starts_no_request_of_any_coroutine_before_retry_after(
    server: OpenAIServer, model: EmbeddingModel
) -> None:
    server.script.append(Fail(429, headers={"retry-after-ms": "400", "retry-after": "1"}))
    with pytest.raises(ProviderBusy) as caught:
        await model.embed(["a text"])
    assert caught.value.retry_after == pytest.approx(0.4)
    await asyncio.gather(*(model.embed([f"text {number}"]) for number in range(4)))
    first, *others = server.requests
    assert len(others) == 4
    assert min(request.at for request in others) - first.at >= 0.4


async def test_tells_a_long_pause_instead_of_waiting(
    server: OpenAIServer, model: EmbeddingModel
) -> None:
    server.script.append(Fail(429, headers={"retry-after": "3600"}))
    for _ in range(3):
        with pytest.raises(ProviderBusy) as caught:
            await model.embed(["a text"])
        assert caught.value.retry_after == pytest.approx(3600, abs=5)
    assert len(server.requests) == 1


async def test_keeps_to_the_limits_that_a_good_answer_states(
    server: OpenAIServer, model: EmbeddingModel
) -> None:
    server.headers = {
        "x-ratelimit-limit-requests": "100",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "30s",
        "x-ratelimit-limit-tokens": "1000000",
        "x-ratelimit-remaining-tokens": "1000000",
        "x-ratelimit-reset-tokens": "0s",
    }
    await model.embed(["a text"])
    await model.embed(["a text"])
    first, second = server.requests
    # A hundred requests come back in thirty seconds, so one does in 0.3.
    assert second.at - first.at >= 0.29


async def test_learns_the_dimensions_of_a_model_that_it_does_not_know(
    server: OpenAIServer, settings: Settings
) -> None:
    model = await create_embedding(settings, "all-minilm")
    assert (model.card.name, model.card.dimensions) == ("all-minilm", 384)
    assert (await model.embed(["a text"])).vectors.shape == (1, 384)
    server.dimensions = 512
    with pytest.raises(ProviderUnavailable, match="512 dimensions where all-minilm has 384"):
        await model.embed(["a text"])
    await model.close()


async def test_says_why_the_dimensions_cannot_be_learnt(
    server: OpenAIServer, settings: Settings
) -> None:
    server.script.append(Fail(404, "model_not_found", "The model `none-such` does not exist"))
    with pytest.raises(ProviderRefused, match="none-such"):
        await create_embedding(settings, "none-such")
