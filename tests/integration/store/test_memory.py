"""What is remembered of a conversation: whole exchanges, the latest first to stay."""

import uuid
from typing import Any

import pytest

from contracts.ids import ConversationId
from store import Store
from store.users import User
from tests.integration.store.given import a_user

pytestmark = pytest.mark.asyncio

TURN = """
INSERT INTO turns (turn_id, tenant_id, conversation_id, agent, question, answer, reply_partition,
                   state, ordinal)
VALUES ($1, current_tenant(), $2, 'answer', $3, $4, 0, $5, $6)
"""


async def _talk(store: Store, user: User, *turns: tuple[str, str]) -> ConversationId:
    async with store.tenant(user.tenant_id) as tx:
        talk = await tx.conversations.create(user.user_id, "Talk")
        for ordinal, (answer, state) in enumerate(turns, start=1):
            await tx.connection.change(
                TURN, uuid.uuid4(), talk.conversation_id, "Q", answer, state, ordinal
            )
    return talk.conversation_id


async def _recall(
    store: Store, user: User, talk: ConversationId, *, before: int = 99, characters: int = 1_000
) -> tuple[str, list[int], int]:
    async with store.tenant(user.tenant_id) as tx:
        memory = await tx.memories.recall(talk, before=before, characters=characters)
    return memory.summary, [one.ordinal for one in memory.exchanges], memory.unread


async def test_only_whole_answers_before_the_turn_are_remembered(store: Store) -> None:
    user = await a_user(store)
    talk = await _talk(store, user, ("a", "done"), ("b", "failed"), ("c", "done"), ("d", "done"))
    assert await _recall(store, user, talk, before=4) == ("", [1, 3], 0)


@pytest.mark.parametrize(
    ("characters", "expected"),
    [(22, ([2, 3], 1)), (21, ([3], 2)), (33, ([1, 2, 3], 0)), (1, ([], 3))],
)
async def test_what_there_is_no_room_for_is_counted(
    store: Store, characters: int, expected: Any
) -> None:
    user = await a_user(store)
    talk = await _talk(store, user, *[("x" * 10, "done")] * 3)
    assert (await _recall(store, user, talk, characters=characters))[1:] == expected


async def test_a_summary_stands_for_what_it_covers_and_never_goes_back(store: Store) -> None:
    user, stranger = await a_user(store), await a_user(store)
    talk = await _talk(store, user, *[("x", "done")] * 4)
    for summary, through, by in (
        ("Later.", 3, user),
        ("Earlier.", 2, user),
        ("Forged.", 4, stranger),
    ):
        async with store.tenant(by.tenant_id) as tx:
            await tx.memories.keep(talk, summary, through)
    assert await _recall(store, user, talk) == ("Later.", [4], 0)
    assert await _recall(store, stranger, talk) == ("", [], 0)
