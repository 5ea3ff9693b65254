"""An answer that is longer than the provider's limit arrives whole."""

from collections.abc import Callable

import pytest

from contracts.errors import ProviderRefused
from providers.chat.protocol import ChatModel
from tests.fixtures.anthropic_server import AnthropicServer
from tests.fixtures.long_text import long_text
from tests.fixtures.openai_server import OpenAIServer
from tests.fixtures.prompts import ask

pytestmark = pytest.mark.asyncio

Server = OpenAIServer | AnthropicServer


@pytest.mark.parametrize("trims", [False, True], ids=["exact", "without the first blanks"])
@pytest.mark.parametrize("repeats", [0, 60], ids=["", "with its last words again"])
async def test_joins_many_calls_into_the_whole_text(
    server: Server, create: Callable[..., ChatModel], repeats: int, *, trims: bool
) -> None:
    server.text, server.piece = long_text(200_000), 151
    server.most_characters, server.repeats, server.trims = 17_003, repeats, trims
    model = create(answer_token_budget=200_000)
    said = await ask(model)
    await model.close()
    assert said.text == server.text
    assert said.finished.reason == "stop"
    assert said.finished.usage.calls == len(server.requests) >= 12


async def test_joins_at_any_place(server: Server, model: ChatModel) -> None:
    server.text = long_text(350)
    for limit in range(20, 60):
        server.most_characters = limit
        assert (await ask(model)).text == server.text, f"cut after {limit} characters"


async def test_asks_to_continue_with_a_message_of_the_user(
    server: Server, create: Callable[..., ChatModel]
) -> None:
    server.most_characters = 40
    model = create()
    await ask(model)
    await model.close()
    *_, partial, last = server.requests[1].json["messages"]
    assert partial["role"] == "assistant"
    assert server.text.startswith(partial["content"])
    assert last["role"] == "user"
    assert "Continue" in last["content"]


async def test_ends_at_the_budget_and_says_so(
    server: Server, create: Callable[..., ChatModel]
) -> None:
    server.text, server.most_characters = long_text(50_000), 400
    model = create(answer_token_budget=1_000)
    said = await ask(model)
    await model.close()
    assert said.finished.reason == "budget"
    assert said.finished.usage.output_tokens >= 1_000
    assert 3_500 < len(said.text) < 4_500
    assert server.text.startswith(said.text)


async def test_stops_a_call_that_goes_over_the_budget(
    server: Server, create: Callable[..., ChatModel]
) -> None:
    server.text = long_text(400_000)
    model = create(answer_token_budget=1_000)
    said = await ask(model)
    await model.close()
    assert said.finished.reason == "budget"
    assert 3_500 < len(said.text) < 4_500
    assert server.text.startswith(said.text)


async def test_says_that_the_model_spoke_no_word_before_its_limit(
    server: Server, model: ChatModel
) -> None:
    server.most_characters = 0
    with pytest.raises(ProviderRefused, match="before it said anything"):
        await ask(model)
    assert len(server.requests) == 1
