"""How the vendors' clients cope with what the protocol and the network can do to them."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing

import pytest

from contracts.errors import (
    ProviderBusy,
    ProviderRefused,
    ProviderUnauthorized,
    ProviderUnavailable,
    RaglineError,
)
from providers.chat.factory import create_chat
from providers.chat.protocol import ChatModel, Finished, Message, Piece, Prompt
from runtime.settings import Settings
from tests.fixtures.anthropic_server import AnthropicServer
from tests.fixtures.openai_server import DEFAULT_ANSWER, OpenAIServer
from tests.fixtures.prompts import QUESTION, ask
from tests.fixtures.vendor_http import Behaviour, Break, Fail, Finish, HangUp, Reply, Stall

pytestmark = pytest.mark.asyncio

Server = OpenAIServer | AnthropicServer


async def test_sends_the_conversation_and_the_instructions(
    server: Server, model: ChatModel
) -> None:
    messages = (
        Message(role="user", text="first question"),
        Message(role="assistant", text="first answer"),
        Message(role="user", text="second question"),
    )
    await ask(model, Prompt(system="be brief", messages=messages, question="", passages=()))
    sent = server.requests[0].json
    system = [message["content"] for message in sent["messages"] if message["role"] == "system"]
    assert (system or [sent["system"]]) == ["be brief"]
    others = [(one["role"], one["content"]) for one in sent["messages"] if one["role"] != "system"]
    assert others == [(message.role, message.text) for message in messages]
    assert sent["stream"] is True


async def test_yields_the_answer_as_it_is_written(server: Server, model: ChatModel) -> None:
    server.delay = 0.01
    said = await ask(model)
    assert said.text == DEFAULT_ANSWER
    assert len(said.pieces) > 4


async def test_counts_the_tokens_of_the_vendor(model: ChatModel) -> None:
    usage = (await ask(model)).finished.usage
    assert (usage.input_tokens, usage.output_tokens, usage.calls) == (100, 18, 1)


@pytest.mark.parametrize(
    ("behaviour", "error", "says"),
    [
        (Fail(401, "authentication_error"), ProviderUnauthorized, "_API_KEY"),
        (Fail(403, "permission_error", "not for you"), ProviderUnauthorized, "not for you"),
        (Fail(402, "billing_error"), ProviderUnauthorized, "credit"),
        (Fail(429, "insufficient_quota"), ProviderUnauthorized, "credit"),
        (
            Fail(400, "invalid_request_error", "Your credit balance is too low to go on."),
            ProviderUnauthorized,
            "credit",
        ),
        (Fail(429, "rate_limit_error"), ProviderBusy, "limits our requests"),
        (Fail(400, "invalid_request_error", "too long"), ProviderRefused, "too long"),
        (Fail(404, "not_found_error", "no such model"), ProviderRefused, "no such model"),
        (Fail(413, "request_too_large", "too large"), ProviderRefused, "too large"),
        (Fail(500, "api_error"), ProviderUnavailable, "problem of its own"),
        (Fail(529, "overloaded_error", "Overloaded"), ProviderUnavailable, "Overloaded"),
        (Fail(502, body=b"<html>Bad gateway</html>"), ProviderUnavailable, "status 502"),
        (HangUp(), ProviderUnavailable, "broke off"),
        (Stall(5), ProviderUnavailable, "in time"),
        (Reply(b"<html>hello</html>"), ProviderUnavailable, "without a final event"),
        (Break(3, "drop"), ProviderUnavailable, "broke off"),
        (Break(0, "end"), ProviderUnavailable, "without a final event"),
        (Break(3, "end"), ProviderUnavailable, "without a final event"),
        (Break(3, "garbage"), ProviderUnavailable, "cannot be read"),
        (Break(3, "hang"), ProviderUnavailable, "in time"),
        (Break(3, "error", "overloaded_error"), ProviderUnavailable, "problem of its own"),
        (Break(3, "error", "unheard_of"), ProviderUnavailable, "problem of its own"),
        (Break(3, "error", "rate_limit_error"), ProviderBusy, "limits our requests"),
        (Break(3, "error", "invalid_request_error"), ProviderRefused, "scripted"),
        (Break(3, "error", "authentication_error"), ProviderUnauthorized, "_API_KEY"),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_says_what_went_wrong_after_one_call(
    server: Server,
    model: ChatModel,
    behaviour: Behaviour,
    error: type[RaglineError],
    says: str,
) -> None:
    server.script.append(behaviour)
    with pytest.raises(error, match=says) as caught:
        await ask(model)
    assert type(caught.value).code == error.code
    assert len(server.requests) == 1


async def test_gives_what_was_said_before_the_break(server: Server, model: ChatModel) -> None:
    server.script.append(Break(5, "drop"))
    pieces: list[Piece | Finished] = []
    with pytest.raises(ProviderUnavailable):
        await _read_into(pieces, model)
    said = "".join(piece.text for piece in pieces if isinstance(piece, Piece))
    assert len(said) > 30
    assert DEFAULT_ANSWER.startswith(said)


async def _read_into(items: list[Piece | Finished], model: ChatModel) -> None:
    async with aclosing(model.answer(QUESTION)) as stream:
        async for item in stream:
            items.append(item)  # noqa: PERF401 - what came before an error must be kept


async def test_works_again_after_every_failure(server: Server, model: ChatModel) -> None:
    for failure in (Fail(500), HangUp(), Break(2, "drop"), Break(2, "garbage"), Break(2, "hang")):
        server.script.append(failure)
        with pytest.raises(ProviderUnavailable):
            await ask(model)
        assert (await ask(model)).text == DEFAULT_ANSWER


async def test_closing_the_answer_closes_the_connection(server: Server, model: ChatModel) -> None:
    server.text, server.delay = "word " * 10_000, 0.01
    async with aclosing(model.answer(QUESTION)) as stream:
        await anext(stream)
        assert server.disconnects == 0
    await asyncio.wait_for(server.disconnected.wait(), timeout=2)
    assert server.disconnects == 1


async def test_cancelling_the_answer_closes_the_connection(
    server: Server, model: ChatModel
) -> None:
    server.text, server.delay = "word " * 10_000, 0.01
    asking = asyncio.create_task(ask(model))
    await asyncio.wait_for(server.asked.wait(), timeout=2)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await asyncio.wait_for(server.disconnected.wait(), timeout=2)


async def test_starts_no_request_before_retry_after(server: Server, model: ChatModel) -> None:
    server.script.append(Fail(429, "rate_limit_error", headers={"retry-after": "0.4"}))
    with pytest.raises(ProviderBusy) as caught:
        await ask(model)
    assert caught.value.retry_after == pytest.approx(0.4)
    await asyncio.gather(*(ask(model) for _ in range(3)))
    first, *others = server.requests
    assert len(others) == 3
    assert min(request.at for request in others) - first.at >= 0.4


async def test_tells_a_long_pause_at_once(server: Server, model: ChatModel) -> None:
    server.script.append(Fail(429, "rate_limit_error", headers={"retry-after": "60"}))
    for _ in range(2):
        with pytest.raises(ProviderBusy) as caught:
            await ask(model)
        assert caught.value.retry_after == pytest.approx(60, abs=2)
    assert len(server.requests) == 1


async def test_never_repeats_the_key(server: Server, model: ChatModel) -> None:
    sent, server.key = server.key, "another-key"
    with pytest.raises(ProviderUnauthorized) as caught:
        await ask(model)
    assert sent not in caught.value.message
    assert "another-key" not in caught.value.message


async def test_tells_a_filter_or_a_refusal_from_an_answer(
    vendor: str, server: Server, model: ChatModel
) -> None:
    reason = {"openai": "content_filter", "anthropic": "refusal"}[vendor]
    server.script.append(Finish(reason))
    with pytest.raises(ProviderRefused, match=model.name):
        await ask(model)


async def test_says_that_the_context_window_is_full(
    anthropic_server: AnthropicServer, settings_with: Callable[..., Settings]
) -> None:
    from_settings = {
        "anthropic_api_key": anthropic_server.key,
        "anthropic_base_url": anthropic_server.base_url,
    }
    (model,) = create_chat(settings_with(**from_settings))
    anthropic_server.script.append(Finish("model_context_window_exceeded"))
    with pytest.raises(ProviderRefused, match="can hold"):
        await ask(model)
    await model.close()


async def test_says_which_setting_to_lower_when_max_tokens_is_too_large(
    anthropic_server: AnthropicServer, settings_with: Callable[..., Settings]
) -> None:
    from_settings = {
        "anthropic_api_key": anthropic_server.key,
        "anthropic_base_url": anthropic_server.base_url,
    }
    (model,) = create_chat(settings_with(**from_settings))
    anthropic_server.most_tokens = 1_000
    with pytest.raises(ProviderRefused, match=r"64000 > 1000.*ANSWER_TOKEN_BUDGET"):
        await ask(model)
    await model.close()


async def test_needs_no_key_for_a_server_that_asks_for_none(
    openai_server: OpenAIServer, settings_with: Callable[..., Settings]
) -> None:
    openai_server.key = "none"
    (model,) = create_chat(settings_with(openai_base_url=openai_server.base_url))
    assert (await ask(model)).text == DEFAULT_ANSWER
    await model.close()
