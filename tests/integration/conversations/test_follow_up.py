"""Questions that go on with a conversation: rewritten, condensed, and what a model is sent."""

from typing import Any

import pytest

from tests.fixtures.vendor_http import Fail
from tests.integration.conversations.conftest import QUESTION, Scripted, World
from workers.responder.core.condensing import MAX_SUMMARY_CHARACTERS
from workers.responder.core.history import KEPT_CHARACTERS, MAX_HISTORY_CHARACTERS

pytestmark = pytest.mark.asyncio(loop_scope="module")

FOLLOW_UP = "And when is it closed?"
STANDALONE = "When is the canteen closed?"


async def test_a_first_question_is_not_rewritten(scripted: Scripted) -> None:
    turn = await scripted.turn(QUESTION)
    assert (turn["standalone_question"], turn["steps"]) == (None, [])
    assert len(scripted.server.requests) == 1


async def test_a_follow_up_is_searched_as_rewritten_and_answered_as_asked(
    scripted: Scripted,
) -> None:
    first = await scripted.turn("When is lunch served in the canteen?")
    scripted.replies["rewrite"] = f'"{STANDALONE}"\n'
    turn = await scripted.turn(FOLLOW_UP, conversation_id=first["conversation_id"])

    assert turn["question"] == FOLLOW_UP
    assert turn["standalone_question"] == STANDALONE
    [step] = turn["steps"]
    assert (step["kind"], step["agent"], step["input"]) == ("rewrite", "answer", FOLLOW_UP)
    assert (step["result"], step["error"]) == (STANDALONE, None)
    assert step["usage"]["calls"] == 1
    assert turn["usage"]["calls"] == 2, "what a step costs is part of what the turn costs"
    [[rewriting]] = scripted.asked("rewrite")
    assert "User: When is lunch served in the canteen?" in rewriting["content"]
    assert f"<question>\n{FOLLOW_UP}\n</question>" in rewriting["content"]
    answering = scripted.asked("answer")[-1]
    assert answering[-1]["content"].endswith(f"\n\nQuestion: {FOLLOW_UP}")
    assert "closed on Mondays" in answering[-1]["content"], "found by the rewritten question"
    assert [said["role"] for said in answering] == ["user", "assistant", "user"]


async def test_the_rewritten_question_is_an_event_of_the_stream(scripted: Scripted) -> None:
    first = await scripted.turn(QUESTION)
    scripted.replies["rewrite"] = STANDALONE
    events = await scripted.gateway.events(
        "POST", "/chat", message=FOLLOW_UP, conversation_id=first["conversation_id"]
    )
    names = [event.name for event in events]
    assert names[:2] == ["step", "sources"]
    assert names.count("step") == 1
    assert events[0].data["result"] == STANDALONE
    done = events[-1].data
    assert done["steps"] == [events[0].data]
    again = await scripted.gateway.events(
        "GET", f"/chat/{done['turn_id']}/events", after=events[0].event_id
    )
    assert "step" not in [event.name for event in again], "it was seen before the break"


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ("", "answer_failed"),
        ("word " * 1_000, "answer_failed"),
        (Fail(400, "bad_request", "No."), "provider_refused"),
    ],
)
async def test_a_question_that_cannot_be_rewritten_is_searched_as_it_is(
    scripted: Scripted, reply: Any, code: str
) -> None:
    first = await scripted.turn(QUESTION)
    scripted.replies["rewrite"] = reply if isinstance(reply, str) else "never said"
    if isinstance(reply, Fail):
        scripted.server.script.append(reply)
    turn = await scripted.turn(QUESTION, conversation_id=first["conversation_id"])
    [step] = turn["steps"]
    assert step["error"]["code"] == code
    assert step["result"] == QUESTION
    assert turn["standalone_question"] is None
    assert turn["answer"] == "It is thirty days [1]."


async def test_a_long_conversation_is_condensed_once_and_kept(
    world: World, scripted: Scripted
) -> None:
    conversation_id = await world.told(30, 2_000)
    scripted.replies |= {"condense": "They spoke of thirty things.", "rewrite": QUESTION}
    turn = await scripted.turn(QUESTION, conversation_id=str(conversation_id))

    condense, rewrite = turn["steps"]
    assert (condense["kind"], condense["error"]) == ("condense", None)
    assert condense["result"] == "They spoke of thirty things."
    assert rewrite["kind"] == "rewrite"
    parts = "".join(messages[0]["content"] for messages in scripted.asked("condense"))
    kept = KEPT_CHARACTERS // 2_100
    for number in range(1, 31 - kept):
        assert f"the end {number}\n" in parts, "every older exchange is read to its end"
    [*said, last] = scripted.asked("answer")[-1]
    assert len(said) == 2 * kept
    assert last["content"].startswith(
        "<conversation>\nThey spoke of thirty things.\n</conversation>\n\n<passages>"
    )

    scripted.server.requests.clear()
    again = await scripted.turn(QUESTION, conversation_id=str(conversation_id))
    assert [step["kind"] for step in again["steps"]] == ["rewrite"], "it is not condensed again"
    assert "They spoke of thirty things." in scripted.asked("rewrite")[0][0]["content"]


@pytest.mark.parametrize("reply", ["", "x" * (MAX_SUMMARY_CHARACTERS + 1)])
async def test_what_cannot_be_condensed_is_left_out_in_whole_exchanges_and_said(
    world: World, scripted: Scripted, reply: str
) -> None:
    conversation_id = await world.told(10, 2_000)
    scripted.replies |= {"condense": reply, "rewrite": QUESTION}
    turn = await scripted.turn(QUESTION, conversation_id=str(conversation_id))
    kept = MAX_HISTORY_CHARACTERS // 2_010
    assert turn["steps"][0]["error"]["code"] == "answer_failed"
    assert turn["steps"][0]["result"] == f"The oldest {10 - kept} are left out."
    [*said, _] = scripted.asked("answer")[-1]
    assert [message["content"] for message in said[::2]] == [
        f"Question {number}" for number in range(11 - kept, 11)
    ]
    assert all(
        message["content"].endswith(("the end 10", "9", "8", "7", "6")) for message in said[1::2]
    )


async def test_one_answer_that_is_longer_than_a_part_is_condensed_to_its_end(
    world: World, scripted: Scripted
) -> None:
    conversation_id = await world.told(1, 100_000)
    scripted.replies |= {"condense": "One long thing.", "rewrite": QUESTION}
    turn = await scripted.turn(QUESTION, conversation_id=str(conversation_id))
    assert turn["steps"][0]["result"] == "One long thing."
    read = scripted.asked("condense")
    assert len(read) == 5
    assert sum(messages[0]["content"].count("x") for messages in read) >= 99_988
    assert len(scripted.asked("answer")[-1]) == 1, "all of the past is in the short form"
