"""Every call has its price, also one that broke off or was not wanted any more."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing

import pytest

from contracts.conversations import Usage
from contracts.errors import ProviderUnauthorized, ProviderUnavailable
from providers.chat.metering import metered
from providers.chat.protocol import ChatModel
from tests.fixtures.anthropic_server import AnthropicServer
from tests.fixtures.openai_server import OpenAIServer
from tests.fixtures.prompts import QUESTION, ask
from tests.fixtures.vendor_http import Break, Fail

pytestmark = pytest.mark.asyncio

Server = OpenAIServer | AnthropicServer

#: What a token is taken for where the provider did not say.
CHARACTERS = 4
SENT = (len(QUESTION.system) + sum(len(said.text) for said in QUESTION.messages)) // CHARACTERS


async def test_the_meter_shows_what_the_answer_says(
    server: Server, create: Callable[..., ChatModel]
) -> None:
    server.most_characters = 30
    model = create()
    with metered() as meter:
        said = await ask(model)
    await model.close()
    assert said.finished.usage.calls > 1
    assert meter.usage == said.finished.usage


async def test_a_call_that_breaks_off_is_estimated(server: Server, model: ChatModel) -> None:
    server.script.append(Break(3, "end"))
    with metered() as meter:
        with pytest.raises(ProviderUnavailable):
            await ask(model)
        broken = meter.usage
        whole = (await ask(model)).finished.usage
    assert broken == Usage(input_tokens=SENT, output_tokens=3 * server.piece // CHARACTERS, calls=1)
    assert meter.usage.calls == 2
    assert meter.usage.output_tokens == broken.output_tokens + whole.output_tokens


async def test_a_call_that_is_refused_costs_no_tokens(server: Server, model: ChatModel) -> None:
    server.script.append(Fail(401, "authentication_error"))
    with metered() as meter, pytest.raises(ProviderUnauthorized):
        await ask(model)
    assert meter.usage == Usage(calls=1)


async def test_a_cancelled_call_is_counted(server: Server, model: ChatModel) -> None:
    server.text, server.delay = "word " * 10_000, 0.01
    with metered() as meter:
        async with aclosing(model.answer(QUESTION)) as stream:
            for _ in range(5):
                await anext(stream)
    assert meter.usage.input_tokens == SENT
    assert meter.usage.output_tokens > 0
    assert meter.usage.calls == 1


async def test_calls_of_other_work_are_not_counted(server: Server, model: ChatModel) -> None:
    async def work() -> Usage:
        with metered() as meter:
            await asyncio.gather(ask(model), ask(model))
        return meter.usage

    one, other = await asyncio.gather(work(), work())
    assert one == other == Usage(input_tokens=200, output_tokens=36, calls=2)
    assert len(server.requests) == 4
