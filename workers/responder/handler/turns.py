"""What a turn's row says, as the values that answering works with."""

import msgspec

from contracts.conversations import AnswerGiven, QuestionAsked, Usage
from contracts.envelope import Outgoing
from contracts.ids import TenantId, event_id
from contracts.topics import CHAT_COMPLETED
from retrieval import Wanted
from store import Store
from store.memory import Memory
from store.turns import Turn
from workers.responder.agents import Question
from workers.responder.core import Exchange, Past

#: Characters of the past that are read, to be condensed; what is older is left out, and said to be.
_READ_CHARACTERS = 400_000


async def question_of(store: Store, tenant_id: TenantId, turn: Turn) -> Question:
    """Return what the turn asks, with its conversation so far."""
    async with store.tenant(tenant_id) as tx:
        memory = await tx.memories.recall(
            turn.conversation_id, before=turn.ordinal, characters=_READ_CHARACTERS
        )

    async def keep_summary(summary: str, through: int) -> None:
        async with store.tenant(tenant_id) as tx:
            await tx.memories.keep(turn.conversation_id, summary, through)

    return Question(
        tenant_id=tenant_id,
        text=turn.question,
        wanted=msgspec.convert(turn.options, Wanted),
        past=_past(memory),
        keep_summary=keep_summary,
    )


def announce(event: QuestionAsked, turn: Turn | None) -> list[Outgoing]:
    """Return the ``AnswerGiven`` of a turn that ended well, the same however often it is asked."""
    if turn is None or turn.state != "done":
        return []
    given = AnswerGiven(
        tenant_id=event.tenant_id,
        conversation_id=event.conversation_id,
        turn_id=event.turn_id,
        model=turn.model or "",
        finish_reason=turn.finish_reason or "",
        usage=turn.usage or Usage(),
        generation=turn.generation_id or 0,
    )
    return [
        Outgoing(
            topic=CHAT_COMPLETED,
            key=str(event.conversation_id),
            tenant_id=event.tenant_id,
            event=given,
            event_id=event_id("answer_given", event.turn_id),
        )
    ]


def _past(memory: Memory) -> Past:
    return Past(
        summary=memory.summary,
        exchanges=tuple(
            Exchange(question=past.question, answer=past.answer, ordinal=past.ordinal)
            for past in memory.exchanges
        ),
        unread=memory.unread,
    )
