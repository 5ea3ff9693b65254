"""What a turn's row says, as the values that answering works with."""

import msgspec

from contracts.conversations import AnswerGiven, QuestionAsked, Usage
from contracts.envelope import Outgoing
from contracts.ids import TenantId, event_id
from contracts.topics import CHAT_COMPLETED
from retrieval import Wanted
from store import Transaction
from store.turns import Turn
from workers.responder.agents import Question
from workers.responder.core import Exchange, select_history

#: Turns of history that are read; `select_history` decides how many of them fit.
_HISTORY_TURNS = 20


async def question_of(tx: Transaction, tenant_id: TenantId, turn: Turn) -> Question:
    """Return what the turn asks, with the part of its conversation that fits the prompt."""
    earlier = await tx.turns.history(
        turn.conversation_id, limit=_HISTORY_TURNS, before=turn.ordinal
    )
    exchanges = [
        Exchange(question=past.question, answer=past.answer)
        for past in earlier
        if past.state == "done"
    ]
    return Question(
        tenant_id=tenant_id,
        text=turn.question,
        wanted=msgspec.convert(turn.options, Wanted),
        history=tuple(select_history(exchanges)),
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
