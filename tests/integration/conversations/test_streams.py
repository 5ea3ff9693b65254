"""Streams that break, lag, move to another gateway, are cancelled, or hear nothing."""

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from contracts.errors import ProviderRefused, ProviderUnauthorized
from runtime.kafka import KafkaConnection
from tests.integration.conversations.conftest import (
    QUESTION,
    Event,
    Gateway,
    ScriptedModel,
    World,
    until,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: Two seconds of talk.
WORDS = tuple(f"word{number} " for number in range(100))
WHOLE = "".join(WORDS)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(world: World) -> AsyncIterator[Gateway]:
    async with world.gateway() as gateway:
        yield gateway


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def other(world: World) -> AsyncIterator[Gateway]:
    async with world.gateway() as gateway:
        yield gateway


@asynccontextmanager
async def asked(gateway: Gateway) -> AsyncGenerator[tuple[str, AsyncIterator[Event]]]:
    """Ask for a stream and read its first event."""
    async with gateway.stream("POST", "/chat", message=QUESTION) as (response, events):
        assert response.status_code == 200
        yield response.headers["location"], events


def text_of(*events: Event) -> str:
    """Return the answer as a client has it that heeds `restart`."""
    text = ""
    for event in events:
        if event.name == "restart":
            text = ""
        elif event.name == "token":
            text += event.data["text"]
    return text


async def test_an_answer_is_followed_at_another_gateway(
    world: World, gateway: Gateway, other: Gateway
) -> None:
    assert gateway.hub.partition != other.hub.partition
    async with world.responder([ScriptedModel(*WORDS, delay=0.02)]), asked(gateway) as (path, here):
        seen = [await anext(here) for _ in range(10)]
        elsewhere, on = await asyncio.gather(
            other.events("GET", f"{path}/events"),
            other.events("GET", f"{path}/events", after=seen[-1].event_id),
        )
        rest = [event async for event in here]
    for events in ([*seen, *rest], elsewhere, [*seen, *on]):
        names = [event.name for event in events]
        assert text_of(*events) == WHOLE
        assert names.count("sources") == 1
        assert names[-1] == "done"
    assert len(elsewhere) > 20, "it came as it was said, not from the row"


async def test_a_broken_stream_goes_on_at_the_same_gateway(world: World, gateway: Gateway) -> None:
    async with world.responder([ScriptedModel(*WORDS, delay=0.02)]):
        async with asked(gateway) as (path, events):
            seen = [await anext(events) for _ in range(10)]
        rest = await gateway.events("GET", f"{path}/events", after=seen[-1].event_id)
    assert text_of(*seen, *rest) == WHOLE
    assert len(rest) > 10


async def test_a_stream_that_began_before_the_answer_sees_all_of_it(
    world: World, gateway: Gateway, other: Gateway
) -> None:
    async with asked(gateway) as (path, here):
        following = asyncio.create_task(other.events("GET", f"{path}/events"))
        await asyncio.sleep(1)
        async with world.responder([ScriptedModel(*WORDS, delay=0.01)]):
            elsewhere = await following
            events = [event async for event in here]
    assert text_of(*events) == text_of(*elsewhere) == WHOLE


async def test_cancelling_stops_the_model_and_ends_the_streams(
    world: World, gateway: Gateway
) -> None:
    model = ScriptedModel("Thirty days [1]. ", "never said")
    model.released.clear()
    async with world.responder([model]), asked(gateway) as (path, events):
        while (await anext(events)).name != "citation":
            pass
        cancelled = (await gateway.client.post(f"{path}/cancel")).json()
        assert cancelled["state"] == "cancelled"
        assert cancelled["finish_reason"] == "cancelled"
        assert cancelled["answer"] == "Thirty days [1]. "
        assert [source["index"] for source in cancelled["sources"]]
        assert [citation["index"] for citation in cancelled["citations"]] == [1]
        [end] = [event async for event in events]
        assert end.name == "done"
        assert end.data == cancelled
        await until(lambda: model.closed == 1)
    assert (await gateway.client.get(path)).json() == cancelled


async def test_a_question_that_is_cancelled_before_it_is_read_is_not_answered(
    world: World, gateway: Gateway
) -> None:
    model = ScriptedModel("never said")
    async with asked(gateway) as (path, events):
        await gateway.client.post(f"{path}/cancel")
        assert [event.name async for event in events] == ["done"]
    async with world.responder([model]):
        assert (await gateway.ask("Something else about backups?")).status_code == 200
    assert len(model.prompts) == 1


async def test_an_answer_that_takes_too_long_is_read_later(world: World) -> None:
    model = ScriptedModel("late")
    model.released.clear()
    async with world.responder([model]), world.gateway(answer_timeout=0.5) as gateway:
        pending = await gateway.ask()
        assert pending.status_code == 504
        problem = pending.json()
        assert problem["code"] == "answer_pending"
        path = next(word for word in problem["detail"].split() if word.startswith("/chat/"))
        path = path.rstrip(",")
        model.released.set()
        events = await gateway.events("GET", f"{path}/events")
        assert events[-1].name == "done"
        assert (await gateway.client.get(path)).json()["answer"] == "late"


async def test_a_gateway_that_hears_nothing_answers_from_the_row(world: World) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        away = KafkaConnection(servers=f"127.0.0.1:{nobody.getsockname()[1]}")
        async with world.responder(), world.gateway(hears=away) as gateway:
            answer = (await gateway.ask()).json()
            assert "thirty days" in answer["answer"]
            events = await gateway.events("POST", "/chat", message=QUESTION)
    assert text_of(*events) == answer["answer"]
    assert events[0].name == "sources"
    assert events[-1].name == "done"


async def test_a_refusing_model_fails_the_turn_with_its_reason(
    world: World, gateway: Gateway
) -> None:
    sentence = "The provider does not accept the configured API key."
    model = ScriptedModel("half an ", ProviderUnauthorized(sentence))
    async with world.responder([model]):
        response = await gateway.ask()
        assert response.status_code == 502
        assert response.json()["code"] == "provider_unauthorized"
        assert response.json()["detail"] == sentence
        events = await gateway.events("POST", "/chat", message=QUESTION)
        assert events[-1].name == "error"
        assert events[-1].data["code"] == "provider_unauthorized"
        turn = (await gateway.client.get(f"/chat/{events[-1].data['turn_id']}")).json()
    assert turn["state"] == "failed"
    assert turn["answer"] == "half an "
    assert turn["error"] == {"code": "provider_unauthorized", "message": sentence}
    assert len(model.prompts) == 2, "a refusal is not repeated"


async def test_the_other_model_takes_over_in_the_middle_of_an_answer(
    world: World, gateway: Gateway
) -> None:
    breaking = ScriptedModel("half an ", ProviderRefused(), delay=0.1)
    whole = ScriptedModel("Thirty days [1].", name="other")
    async with world.responder([breaking, whole]):
        events = await gateway.events("POST", "/chat", message=QUESTION)
    names = [event.name for event in events]
    assert names.index("restart") < len(names) - 1 - names[::-1].index("sources")
    done = events[-1].data
    assert text_of(*events) == done["answer"] == "Thirty days [1]."
    assert done["model"] == "other"
    assert [citation["index"] for citation in done["citations"]] == [1]


async def test_the_prompt_has_the_conversation_and_the_passages(
    world: World, gateway: Gateway
) -> None:
    model = ScriptedModel("Thirty days [1].")
    async with world.responder([model]):
        first = (await gateway.ask()).json()
        await gateway.ask("And how is lunch?", conversation_id=first["conversation_id"])
    prompt = model.prompts[1]
    assert [(message.role, message.text) for message in prompt.messages[:2]] == [
        ("user", QUESTION),
        ("assistant", "Thirty days."),
    ]
    assert prompt.messages[-1].text.endswith("Question: And how is lunch?")
    assert "Lunch is served from noon" in prompt.messages[-1].text
    assert [passage.index for passage in prompt.passages] == list(
        range(1, len(prompt.passages) + 1)
    )


async def test_many_streams_at_once_keep_apart(world: World, gateway: Gateway) -> None:
    async with world.responder([ScriptedModel(*WORDS, delay=0.005)]):
        streams = await asyncio.gather(
            *(gateway.events("POST", "/chat", message=QUESTION) for _ in range(20))
        )
    assert len({events[-1].data["turn_id"] for events in streams}) == 20
    for events in streams:
        assert text_of(*events) == WHOLE
