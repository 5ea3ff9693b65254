import asyncio
import uuid
from typing import Any

import pytest

from contracts.conversations import Citation, Source, Step, StepError, Usage
from contracts.ids import ConversationId, TurnId
from store import Store
from store.turns import Answer, Busy, Claimed, Ended, Turn, Unfinished
from store.users import User
from tests.integration.store.given import a_user

pytestmark = pytest.mark.asyncio

SOURCE = Source(
    index=1,
    document_id="d",
    filename="a.pdf",
    page=2,
    char_start=3,
    char_end=9,
    similarity=0.75,
)
CITATION = Citation(
    index=1,
    document_id="d",
    filename="a.pdf",
    page=2,
    char_start=3,
    char_end=9,
    quote="“quoted”",
    similarity=0.75,
)
STEP = Step(
    index=1,
    agent="answer",
    kind="rewrite",
    input="And then?",
    result="It is used as it is.",
    error=StepError(code="provider_busy", message="Wait."),
    usage=Usage(input_tokens=1, output_tokens=2, calls=1),
    ms=2.5,
)
ANSWER = Answer(
    text="It is so [1].",
    sources=[SOURCE],
    citations=[CITATION],
    model="extractive",
    usage=Usage(input_tokens=5, output_tokens=6, calls=1),
    timings={"search_ms": 1.5},
    finish_reason="stop",
    generation_id=1,
    steps=[STEP],
    standalone_question="What then?",
)


#: Of an answer that was not whole.
SAID = Unfinished(
    text="So",
    sources=[SOURCE],
    citations=[CITATION],
    steps=[STEP],
    usage=Usage(input_tokens=7, output_tokens=1, calls=1),
)


async def _asked(store: Store, user: User, question: str = "Why?") -> Turn:
    async with store.tenant(user.tenant_id) as tx:
        conversation = await tx.conversations.create(user.user_id, "Talk")
    return await _ask(store, user, conversation.conversation_id, question)


async def _ask(store: Store, user: User, conversation: ConversationId, question: str) -> Turn:
    async with store.tenant(user.tenant_id) as tx:
        return await tx.turns.ask(
            TurnId(uuid.uuid4()),
            conversation,
            agent="qa",
            question=question,
            options={"max_chunks": 5},
            reply_partition=7,
            trace_id="trace",
        )


async def _claim(store: Store, user: User, turn: Turn, owner: str, seconds: float = 30) -> Any:
    async with store.tenant(user.tenant_id) as tx:
        return await tx.turns.claim(turn.turn_id, owner=owner, seconds=seconds)


async def _get(store: Store, user: User, turn: Turn) -> Turn:
    async with store.tenant(user.tenant_id) as tx:
        found = await tx.turns.get(turn.turn_id)
    assert found is not None
    return found


async def test_a_question_waits_with_all_that_belongs_to_it(store: Store) -> None:
    turn = await _asked(store, await a_user(store))
    assert (turn.ordinal, turn.state, turn.attempt, turn.answer) == (1, "waiting", 0, "")
    assert (turn.options, turn.reply_partition, turn.trace_id) == ({"max_chunks": 5}, 7, "trace")
    assert (turn.sources, turn.citations, turn.usage) == ([], [], None)


async def test_questions_at_once_are_numbered_without_gaps(store: Store) -> None:
    user = await a_user(store)
    first = await _asked(store, user)
    turns = await asyncio.gather(
        *(_ask(store, user, first.conversation_id, f"{n}") for n in range(8))
    )
    assert sorted(turn.ordinal for turn in turns) == list(range(2, 10))


async def test_a_question_in_no_conversation_is_refused(store: Store) -> None:
    with pytest.raises(LookupError):
        await _ask(store, await a_user(store), ConversationId(uuid.uuid4()), "Anyone?")


async def test_history_is_the_last_turns_oldest_first(store: Store) -> None:
    user = await a_user(store)
    first = await _asked(store, user, "1")
    for n in range(2, 6):
        await _ask(store, user, first.conversation_id, f"{n}")
    async with store.tenant(user.tenant_id) as tx:
        last = await tx.turns.history(first.conversation_id, limit=2)
        before = await tx.turns.history(first.conversation_id, limit=2, before=4)
    assert [turn.question for turn in last] == ["4", "5"]
    assert [turn.question for turn in before] == ["2", "3"]


async def test_an_answer_is_stored_whole(store: Store) -> None:
    user = await a_user(store)
    turn = await _asked(store, user)
    claimed = await _claim(store, user, turn, "one")
    assert isinstance(claimed, Claimed)
    assert (claimed.turn.state, claimed.turn.attempt) == ("answering", 1)
    async with store.tenant(user.tenant_id) as tx:
        await tx.turns.set_first_offset(turn.turn_id, attempt=1, offset=42)
        assert await tx.turns.finish(turn.turn_id, attempt=1, owner="one", answer=ANSWER)
    done = await _get(store, user, turn)
    assert (done.state, done.answer, done.first_offset) == ("done", ANSWER.text, 42)
    assert (done.sources, done.citations) == ([SOURCE], [CITATION])
    assert (done.usage, done.timings) == (ANSWER.usage, {"search_ms": 1.5})
    assert (done.finish_reason, done.generation_id) == ("stop", 1)
    assert (done.steps, done.standalone_question) == ([STEP], "What then?")
    assert done.finished_at is not None


async def test_one_of_many_claims_at_once_holds(store: Store) -> None:
    user = await a_user(store)
    turn = await _asked(store, user)
    claims = await asyncio.gather(*(_claim(store, user, turn, f"{n}") for n in range(8)))
    assert sorted(claim.state for claim in claims) == ["busy"] * 7 + ["claimed"]
    assert all(0 < claim.wait_seconds <= 30 for claim in claims if isinstance(claim, Busy))


async def test_a_live_lease_is_respected_by_its_own_owner_too(store: Store) -> None:
    user = await a_user(store)
    turn = await _asked(store, user)
    await _claim(store, user, turn, "one")
    assert (await _claim(store, user, turn, "one")).state == "busy"


async def test_a_lease_that_ran_out_is_taken_over_and_its_owner_writes_no_more(
    store: Store,
) -> None:
    user = await a_user(store)
    turn = await _asked(store, user)
    await _claim(store, user, turn, "one", seconds=0.1)
    assert (await _claim(store, user, turn, "two")).state == "busy"
    await asyncio.sleep(0.15)
    taken = await _claim(store, user, turn, "two")
    assert (taken.state, taken.turn.attempt, taken.turn.lease_owner) == ("claimed", 2, "two")

    async with store.tenant(user.tenant_id) as tx:
        who = {"attempt": 1, "owner": "one"}
        assert not await tx.turns.extend(turn.turn_id, seconds=30, **who)  # type: ignore[arg-type]
        assert not await tx.turns.finish(turn.turn_id, answer=ANSWER, **who)  # type: ignore[arg-type]
        assert not await tx.turns.fail(
            turn.turn_id, attempt=1, owner="one", code="x", message="x", said=SAID
        )
        await tx.turns.set_first_offset(turn.turn_id, attempt=1, offset=1)
        assert await tx.turns.finish(turn.turn_id, attempt=2, owner="two", answer=ANSWER)
    assert (await _get(store, user, turn)).first_offset is None


async def test_a_lease_that_ran_out_unnoticed_is_still_ones_own(store: Store) -> None:
    user = await a_user(store)
    turn = await _asked(store, user)
    await _claim(store, user, turn, "one", seconds=0)
    async with store.tenant(user.tenant_id) as tx:
        assert await tx.turns.extend(turn.turn_id, owner="one", attempt=1, seconds=30)
    assert (await _claim(store, user, turn, "two")).state == "busy"


async def test_a_released_lease_is_free_at_once(store: Store) -> None:
    user = await a_user(store)
    turn = await _asked(store, user)
    await _claim(store, user, turn, "one")
    async with store.tenant(user.tenant_id) as tx:
        assert await tx.turns.extend(turn.turn_id, owner="one", attempt=1, seconds=0)
    assert (await _claim(store, user, turn, "two")).state == "claimed"


async def test_a_failed_turn_keeps_what_was_said(store: Store) -> None:
    user = await a_user(store)
    turn = await _asked(store, user)
    await _claim(store, user, turn, "one")
    async with store.tenant(user.tenant_id) as tx:
        assert await tx.turns.fail(
            turn.turn_id,
            attempt=1,
            owner="one",
            code="answer_failed",
            message="Cut.",
            said=SAID,
        )
    failed = await _get(store, user, turn)
    assert (failed.sources, failed.citations, failed.steps) == ([SOURCE], [CITATION], [STEP])
    assert failed.usage == SAID.usage
    assert (failed.state, failed.error_code, failed.error_message, failed.answer) == (
        "failed",
        "answer_failed",
        "Cut.",
        "So",
    )
    ended = await _claim(store, user, turn, "two")
    assert isinstance(ended, Ended)
    assert ended.turn == failed


async def test_a_cancelled_turn_is_lost_to_whoever_answers(store: Store) -> None:
    user = await a_user(store)
    turn = await _asked(store, user)
    await _claim(store, user, turn, "one")
    async with store.tenant(user.tenant_id) as tx:
        assert await tx.turns.cancel(turn.turn_id)
        assert not await tx.turns.cancel(turn.turn_id)
        assert not await tx.turns.extend(turn.turn_id, owner="one", attempt=1, seconds=30)
        assert not await tx.turns.finish(turn.turn_id, attempt=1, owner="one", answer=ANSWER)
    assert (await _claim(store, user, turn, "two")).state == "ended"


async def test_whoever_answered_a_cancelled_turn_keeps_what_was_said(store: Store) -> None:
    user = await a_user(store)
    turn = await _asked(store, user)
    await _claim(store, user, turn, "one")
    async with store.tenant(user.tenant_id) as tx:
        assert not await tx.turns.keep(turn.turn_id, attempt=1, owner="one", said=SAID)
        await tx.turns.cancel(turn.turn_id)
    closing = await _get(store, user, turn)
    assert (closing.state, closing.has_ended) == ("cancelled", False)
    assert await _watched(store, turn) == "answering"
    async with store.tenant(user.tenant_id) as tx:
        assert not await tx.turns.keep(turn.turn_id, attempt=1, owner="two", said=SAID)
        assert await tx.turns.keep(turn.turn_id, attempt=1, owner="one", said=SAID)
    kept = await _get(store, user, turn)
    assert (kept.state, kept.answer, kept.has_ended) == ("cancelled", "So", True)
    assert (kept.sources, kept.citations, kept.usage) == ([SOURCE], [CITATION], SAID.usage)
    assert await _watched(store, turn) == "cancelled"


async def test_a_cancelled_turn_that_nobody_answers_has_ended(store: Store) -> None:
    user = await a_user(store)
    waiting, left = await _asked(store, user), await _asked(store, user)
    await _claim(store, user, left, "one", seconds=0)
    async with store.tenant(user.tenant_id) as tx:
        await tx.turns.cancel(waiting.turn_id)
        await tx.turns.cancel(left.turn_id)
    for turn in (waiting, left):
        assert (await _get(store, user, turn)).has_ended
        assert await _watched(store, turn) == "cancelled"


async def _watched(store: Store, turn: Turn) -> str:
    async with store.system() as system:
        return (await system.watch.turns([turn.turn_id]))[turn.turn_id][0]


async def test_only_a_turn_that_nobody_answers_is_failed_by_others(store: Store) -> None:
    user = await a_user(store)
    waiting, held = await _asked(store, user), await _asked(store, user)
    await _claim(store, user, held, "one")
    async with store.tenant(user.tenant_id) as tx:
        assert await tx.turns.fail_unowned(waiting.turn_id, "gave_up", "Ask again.")
        assert not await tx.turns.fail_unowned(held.turn_id, "gave_up", "Ask again.")
        assert await tx.turns.finish(held.turn_id, attempt=1, owner="one", answer=ANSWER)
        assert not await tx.turns.fail_unowned(held.turn_id, "gave_up", "Ask again.")
    assert (await _get(store, user, waiting)).error_code == "gave_up"


async def test_watchers_learn_state_and_attempt(store: Store) -> None:
    user = await a_user(store)
    turn, other = await _asked(store, user), await _asked(store, await a_user(store))
    await _claim(store, user, turn, "one")
    async with store.system() as system:
        seen = await system.watch.turns([turn.turn_id, other.turn_id, TurnId(uuid.uuid4())])
    assert seen == {turn.turn_id: ("answering", 1), other.turn_id: ("waiting", 0)}


async def test_conversations_are_listed_by_use_and_belong_to_one_user(store: Store) -> None:
    user = await a_user(store)
    async with store.tenant(user.tenant_id) as tx:
        colleague = await tx.users.add(f"{uuid.uuid4()}@example.org", "hash", "member")
    first = (await _asked(store, user)).conversation_id
    second = (await _asked(store, user)).conversation_id
    third = (await _asked(store, user)).conversation_id
    await _ask(store, user, first, "again")
    async with store.tenant(user.tenant_id) as tx:
        page = await tx.conversations.list(user.user_id, limit=2)
        rest = await tx.conversations.list(user.user_id, limit=2, after=page[-1].conversation_id)
        assert await tx.conversations.get(first, colleague.user_id) is None
        assert not await tx.conversations.delete(first, colleague.user_id)
        assert await tx.conversations.list(colleague.user_id, limit=2) == []
    assert [found.conversation_id for found in page + rest] == [first, third, second]
    assert [found.turns for found in page + rest] == [2, 1, 1]


async def test_touching_a_conversation_brings_it_to_the_front(store: Store) -> None:
    user = await a_user(store)
    first = (await _asked(store, user)).conversation_id
    await _asked(store, user)
    async with store.tenant(user.tenant_id) as tx:
        await tx.conversations.touch(first)
    async with store.tenant(user.tenant_id) as tx:
        assert (await tx.conversations.list(user.user_id, limit=1))[0].conversation_id == first


async def test_a_deleted_conversation_takes_its_turns_along(store: Store) -> None:
    user = await a_user(store)
    turn = await _asked(store, user)
    await _claim(store, user, turn, "one")
    async with store.tenant(user.tenant_id) as tx:
        assert await tx.conversations.delete(turn.conversation_id, user.user_id)
    async with store.tenant(user.tenant_id) as tx:
        assert await tx.turns.get(turn.turn_id) is None
        assert not await tx.turns.finish(turn.turn_id, attempt=1, owner="one", answer=ANSWER)
    assert await _claim(store, user, turn, "two") == Ended(turn=None)


async def test_a_response_is_kept_for_its_key_once(store: Store) -> None:
    owner = await a_user(store)
    user = owner.user_id
    async with store.tenant(owner.tenant_id) as tx:
        assert await tx.idempotency.find(user, "key") is None
        assert await tx.idempotency.save(user, "key", b"hash", {"id": 1})
        assert not await tx.idempotency.save(user, "key", b"other", {"id": 2})
        assert await tx.idempotency.find(user, "key") == (b"hash", {"id": 1})
