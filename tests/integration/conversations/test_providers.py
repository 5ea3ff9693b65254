"""What becomes of a question when a provider refuses, limits, breaks off, or is not there."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, TopicPartition

from contracts.errors import Misconfigured
from contracts.topics import CHAT_REQUESTED
from gateway.reconciler import STALLED_TURN, Reconciler
from providers.chat.factory import create_chat
from runtime.clock import SystemClock
from runtime.health import Health
from runtime.kafka import KafkaConnection, TopicAdmin
from tests.fixtures.anthropic_server import AnthropicServer
from tests.fixtures.openai_server import OpenAIServer
from tests.fixtures.vendor_http import Behaviour, Break, Fail, Finish
from tests.integration.conversations.conftest import QUESTION, Event, Gateway, World
from workers.responder.app import build

pytestmark = pytest.mark.asyncio(loop_scope="module")

ANSWER = "Backups are kept for thirty days [1]."
#: A passing failure is tried three times; then the next provider is asked, where there is one.
TRIES = 3


@dataclass
class Vendors:
    """Servers that speak both vendors' protocols, and a product that may be told of them."""

    world: World
    openai: OpenAIServer
    anthropic: AnthropicServer

    @asynccontextmanager
    async def asked(self, *, both: bool = False) -> AsyncGenerator[Gateway]:
        """Run a gateway and a responder that asks OpenAI's server, or both of them."""
        given = {"openai_api_key": "sk-test", "openai_base_url": self.openai.base_url}
        if both:
            given["anthropic_api_key"] = self.anthropic.key
            given["anthropic_base_url"] = self.anthropic.base_url
        models = create_chat(self.world.settings.with_values(**given, provider_timeout=2))
        async with AsyncExitStack() as stack:
            for model in models:
                stack.push_async_callback(model.close)
            await stack.enter_async_context(self.world.responder(models))
            yield await stack.enter_async_context(self.world.gateway())


@pytest_asyncio.fixture(loop_scope="module")
async def vendors(world: World) -> AsyncIterator[Vendors]:
    async with AsyncExitStack() as stack:
        openai = await stack.enter_async_context(OpenAIServer(text=ANSWER))
        anthropic = await stack.enter_async_context(AnthropicServer(text=ANSWER))
        yield Vendors(world, openai, anthropic)


def names(events: list[Event]) -> list[str]:
    return [event.name for event in events]


async def ends_with(gateway: Gateway, code: str, says: str, *, status: int) -> dict[str, Any]:
    """Ask as a stream; it, the body, and the row must end in the same error. Return the turn."""
    events = await gateway.events("POST", "/chat", message=QUESTION)
    assert names(events).count("error") == 1
    end = events[-1]
    assert (end.name, end.data["code"]) == ("error", code)
    assert says in end.data["message"]
    turn = dict((await gateway.client.get(f"/chat/{end.data['turn_id']}")).json())
    assert turn["state"] == "failed"
    assert turn["error"] == {"code": code, "message": end.data["message"]}
    assert turn["finished_at"]
    response = await gateway.ask()
    assert "goes on" not in response.json()["detail"], "a question does not"
    assert response.status_code == status
    assert response.json()["code"] == code
    assert says in response.json()["detail"]
    assert ("retry-after" in response.headers) == (status == 503)
    return turn


@pytest.mark.parametrize(
    ("behaviour", "code", "says", "status", "calls"),
    [
        (Fail(401, "invalid_api_key"), "provider_unauthorized", "correct OPENAI_API_KEY", 502, 1),
        (Fail(429, "insufficient_quota"), "provider_unauthorized", "add credit", 502, 1),
        (
            Fail(429, "rate_limit_error", headers={"retry-after": "60"}),
            "provider_busy",
            "limits our requests",
            503,
            1,
        ),
        (Finish("content_filter"), "provider_refused", "filter", 502, 1),
        (Fail(400, "invalid_request_error", "too long"), "provider_refused", "too long", 502, 1),
        (Break(2, "drop"), "provider_unavailable", "broke off; ask again later", 503, TRIES),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_a_failure_without_another_provider_ends_the_turn_with_its_reason(
    vendors: Vendors, behaviour: Behaviour, code: str, says: str, status: int, calls: int
) -> None:
    vendors.openai.script.extend([behaviour] * 2 * calls)
    async with vendors.asked() as gateway:
        turn = await ends_with(gateway, code, says, status=status)
    assert turn["usage"]["calls"] == calls
    if isinstance(behaviour, Break):
        assert turn["answer"] == "Backups are kept for"  # the word behind it may be cut
        assert turn["sources"]
        assert turn["usage"]["output_tokens"] > 0


@pytest.mark.parametrize(
    ("behaviour", "tries"),
    [
        (Fail(401, "invalid_api_key"), 1),
        (Fail(429, "rate_limit_error", headers={"retry-after": "60"}), 1),
        (Finish("content_filter"), 1),
        (Break(2, "drop"), TRIES),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_the_other_provider_answers_where_the_first_does_not(
    vendors: Vendors, behaviour: Behaviour, tries: int
) -> None:
    vendors.openai.script.extend([behaviour] * tries)
    async with vendors.asked(both=True) as gateway:
        events = await gateway.events("POST", "/chat", message=QUESTION)
    done = events[-1]
    assert done.name == "done"
    assert done.data["answer"] == ANSWER
    assert done.data["model"].startswith("claude")
    assert [citation["index"] for citation in done.data["citations"]] == [1]
    assert done.data["usage"]["calls"] == tries + 1
    last = len(events) - names(events)[::-1].index("restart") if "restart" in names(events) else 0
    shown = events[last:]
    assert names(shown).count("sources") == 1
    assert "".join(event.data["text"] for event in shown if event.name == "token") == ANSWER


async def test_cancelling_closes_the_call_to_the_provider(vendors: Vendors) -> None:
    vendors.openai.text, vendors.openai.delay = "word " * 10_000, 0.02
    async with vendors.asked() as gateway:
        async with gateway.stream("POST", "/chat", message=QUESTION) as (response, events):
            while (await anext(events)).name != "token":
                pass
            path = response.headers["location"]
            assert vendors.openai.disconnects == 0
            cancelled = (await gateway.client.post(f"{path}/cancel")).json()
            [*_, end] = [event async for event in events]
        assert vendors.openai.disconnects == 1
        assert len(vendors.openai.requests) == 1
    assert (cancelled["state"], cancelled["finish_reason"]) == ("cancelled", "cancelled")
    assert cancelled["answer"].startswith("word word ")
    assert cancelled["usage"]["output_tokens"] > 0
    assert (end.name, end.data) == ("done", cancelled)


async def test_without_context_no_provider_is_asked(vendors: Vendors) -> None:
    async with vendors.asked() as gateway:
        answer = (await gateway.ask(threshold=0.99)).json()
    assert (answer["state"], answer["finish_reason"]) == ("done", "no_context")
    assert answer["answer"] == "Nothing in your documents answers this."
    assert vendors.openai.requests == []


async def test_a_responder_without_a_provider_says_what_to_set(world: World) -> None:
    with pytest.raises(Misconfigured, match="set OPENAI_API_KEY or ANTHROPIC_API_KEY"):
        async with build(world.settings.with_values(rag_mode="production"), Health()):
            pass


async def complete_questions(connection: KafkaConnection) -> None:
    """Take what is asked in the name of the responders, and answer nothing."""
    async with TopicAdmin(connection) as admin:
        [count] = (await admin.partition_counts([CHAT_REQUESTED.name])).values()
    consumer = AIOKafkaConsumer(
        bootstrap_servers=connection.servers, group_id="responder", enable_auto_commit=False
    )
    await consumer.start()
    try:
        consumer.assign([TopicPartition(CHAT_REQUESTED.name, number) for number in range(count)])
        await consumer.commit(await consumer.end_offsets(consumer.assignment()))
    finally:
        await consumer.stop()


async def test_a_question_that_nobody_answers_ends_its_stream(world: World) -> None:
    reconciler = Reconciler(
        store=world.store,
        kafka=world.connection,
        clock=SystemClock(),
        after_seconds=3600,
        turn_seconds=0,
    )
    async with (
        world.gateway() as gateway,
        gateway.stream("POST", "/chat", message=QUESTION) as (response, events),
    ):
        async with asyncio.timeout(20):
            while not await reconciler.reconcile_turns():
                await complete_questions(world.connection)
        [end] = [event async for event in events]
        turn = (await gateway.client.get(response.headers["location"])).json()
    assert (end.name, end.data["code"], end.data["message"]) == ("error", "stalled", STALLED_TURN)
    assert turn["error"] == {"code": "stalled", "message": STALLED_TURN}
