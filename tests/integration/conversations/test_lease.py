"""A turn is answered once, whoever reads its record how often, and whoever dies over it."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from contracts.codec import encode
from contracts.conversations import AnswerGiven, QuestionAsked
from contracts.errors import StoreUnavailable
from runtime.delivery import Failure
from runtime.kafka import Publisher
from store.turns import Turn
from tests.integration.conversations.conftest import ScriptedModel, World, until
from workers.responder.agents import Agent, AnswerAgent
from workers.responder.handler import give_up, handle
from workers.responder.handler.question import TurnBusy

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def deltas(world: World) -> AsyncIterator[Publisher]:
    publisher = Publisher(world.connection, client_id="test-deltas", acks=1)
    yield publisher
    await publisher.stop()


async def answer(
    world: World,
    deltas: Publisher,
    event: QuestionAsked,
    agent: Agent | ScriptedModel,
    *,
    lease_seconds: float = 15.0,
) -> list[Any]:
    """Handle the record once."""
    agent = world.agent([agent]) if isinstance(agent, ScriptedModel) else agent
    following = await handle(
        event,
        store=world.store,
        agents={"answer": agent},
        publisher=deltas,
        lease_seconds=lease_seconds,
    )
    return list(following)


async def turn_of(world: World, event: QuestionAsked) -> Turn:
    async with world.store.tenant(event.tenant_id) as tx:
        turn = await tx.turns.get(event.turn_id)
    assert turn is not None
    return turn


async def test_the_same_record_twice_makes_one_answer(world: World, deltas: Publisher) -> None:
    event, model = await world.asked(), ScriptedModel("Thirty days [1].")
    first = await answer(world, deltas, event, model)
    second = await answer(world, deltas, event, model)
    assert len(model.prompts) == 1
    assert [outgoing.event for outgoing in first] == [outgoing.event for outgoing in second]
    assert first[0].event_id == second[0].event_id
    assert isinstance(first[0].event, AnswerGiven)
    assert first[0].event.usage.output_tokens == 5
    assert "Thirty" not in encode(first[0].event).decode()


async def test_a_turn_that_is_being_answered_is_left_alone(world: World, deltas: Publisher) -> None:
    event, model = await world.asked(), ScriptedModel("slow ", "answer")
    model.released.clear()
    answering = asyncio.create_task(answer(world, deltas, event, model, lease_seconds=3))
    await until(lambda: len(model.prompts) == 1)
    with pytest.raises(TurnBusy) as busy:
        await answer(world, deltas, event, model)
    assert 0 < (busy.value.retry_after or 0) <= 3
    await asyncio.sleep(4)  # longer than the lease: it was extended
    with pytest.raises(TurnBusy):
        await answer(world, deltas, event, model)
    model.released.set()
    assert await answering
    assert (await turn_of(world, event)).answer == "slow answer"
    assert len(model.prompts) == 1


async def test_a_killed_responder_is_replaced_when_its_lease_has_run_out(
    world: World, deltas: Publisher
) -> None:
    event, model = await world.asked(), ScriptedModel("Thirty days [1].")
    victim = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.integration.conversations.victim",
        world.settings.database_url.get_secret_value() if world.settings.database_url else "",
        world.connection.servers,
        encode(event).decode(),
        stdout=asyncio.subprocess.PIPE,
    )
    assert victim.stdout is not None
    assert await asyncio.wait_for(victim.stdout.readline(), 60) == b"speaking\n"
    victim.send_signal(signal.SIGKILL)
    await victim.wait()
    with pytest.raises(TurnBusy):
        await answer(world, deltas, event, model)
    async with asyncio.timeout(20):
        while True:
            try:
                assert await answer(world, deltas, event, model)
                break
            except TurnBusy as busy:
                await asyncio.sleep(busy.retry_after or 0.1)
    turn = await turn_of(world, event)
    assert turn.state == "done"
    assert turn.answer == "Thirty days [1]."
    assert turn.attempt == 2


async def test_a_responder_that_stops_hands_its_turn_over_at_once(
    world: World, deltas: Publisher
) -> None:
    event, slow = await world.asked(), ScriptedModel("slow")
    slow.released.clear()
    answering = asyncio.create_task(answer(world, deltas, event, slow, lease_seconds=600))
    await until(lambda: len(slow.prompts) == 1)
    answering.cancel()
    await asyncio.gather(answering, return_exceptions=True)
    assert slow.closed == 1
    assert await answer(world, deltas, event, ScriptedModel("Thirty days."))
    assert (await turn_of(world, event)).answer == "Thirty days."


async def test_a_late_responder_cannot_overwrite_its_successor(
    world: World, deltas: Publisher
) -> None:
    event, slow = await world.asked(), ScriptedModel("old answer")
    slow.released.clear()
    late = asyncio.create_task(answer(world, deltas, event, slow, lease_seconds=600))
    await until(lambda: len(slow.prompts) == 1)
    turn = await turn_of(world, event)
    async with world.store.tenant(event.tenant_id) as tx:
        assert await tx.turns.extend(
            event.turn_id, owner=turn.lease_owner or "", attempt=turn.attempt, seconds=0
        )
        await tx.turns.claim(event.turn_id, owner="successor", seconds=600)
    slow.released.set()
    assert await late == []
    turn = await turn_of(world, event)
    assert (turn.state, turn.answer, turn.lease_owner) == ("answering", "", "successor")


async def test_a_deleted_conversation_is_nobodys_work(world: World, deltas: Publisher) -> None:
    event, model = await world.asked(), ScriptedModel("never said")
    async with world.store.tenant(event.tenant_id) as tx:
        await tx.conversations.delete(event.conversation_id, event.user_id)
    assert await answer(world, deltas, event, model) == []
    assert model.prompts == []


async def test_a_conversation_deleted_meanwhile_stops_the_model(
    world: World, deltas: Publisher
) -> None:
    event, model = await world.asked(), ScriptedModel("slow")
    model.released.clear()
    answering = asyncio.create_task(answer(world, deltas, event, model))
    await until(lambda: len(model.prompts) == 1)
    async with world.store.tenant(event.tenant_id) as tx:
        await tx.conversations.delete(event.conversation_id, event.user_id)
    assert await asyncio.wait_for(answering, 10) == []
    assert model.closed == 1


class BrokenAgent:
    """An agent with a bug."""

    name = "answer"
    limits = AnswerAgent.limits

    async def answer(self, _: Any, run: Any) -> Any:
        run.listener.token("half")
        raise ZeroDivisionError


class StoreAway:
    """An agent that meets a database that is away."""

    name = "answer"
    limits = AnswerAgent.limits

    async def answer(self, *_: Any) -> Any:
        raise StoreUnavailable


async def test_a_bug_fails_the_turn_and_is_told_to_delivery(
    world: World, deltas: Publisher
) -> None:
    event = await world.asked()
    with pytest.raises(ZeroDivisionError):
        await answer(world, deltas, event, BrokenAgent())
    turn = await turn_of(world, event)
    assert (turn.state, turn.error_code, turn.answer) == ("failed", "internal_error", "half")
    assert await answer(world, deltas, event, BrokenAgent()) == [], "it is not tried again"


async def test_a_database_that_is_away_leaves_the_turn_to_the_next_try(
    world: World, deltas: Publisher
) -> None:
    event = await world.asked()
    with pytest.raises(StoreUnavailable):
        await answer(world, deltas, event, StoreAway(), lease_seconds=600)
    assert await answer(world, deltas, event, ScriptedModel("Thirty days."))


async def test_a_question_that_is_given_up_fails_with_the_reason(world: World) -> None:
    event = await world.asked()
    failure = Failure("provider_busy", "The provider was busy for too long.")
    assert list(await give_up(event, failure, store=world.store)) == []
    turn = await turn_of(world, event)
    assert (turn.state, turn.error_code) == ("failed", "provider_busy")
    assert turn.error_message == failure.message
