"""From a question to a turn and its event, in one transaction."""

from dataclasses import dataclass

import msgspec
import structlog

from contracts.conversations import QuestionAsked
from contracts.envelope import Outgoing
from contracts.ids import ConversationId, TurnId, event_id, new_id
from contracts.topics import CHAT_REQUESTED
from gateway.agent_cards import require_agent
from gateway.conversations.deltas import DeltaHub
from gateway.conversations.following import Following
from gateway.conversations.schemas import Asked
from gateway.outbox_headers import outbox_headers
from gateway.principal import Principal
from gateway.questions import checked_question, require_documents
from gateway.refusals import InvalidRequest, NotFound
from runtime.clock import Clock
from runtime.settings import Settings
from runtime.telemetry import current_trace_id
from store import Store, Transaction
from store.turns import Turn

log = structlog.get_logger(__name__)

_TITLE_CHARACTERS = 80


@dataclass(frozen=True, kw_only=True)
class Asking:
    """Takes the questions of one caller."""

    store: Store
    hub: DeltaHub
    settings: Settings
    clock: Clock
    principal: Principal

    async def ask(
        self, text: str, asked: Asked, *, agent: str, field: str
    ) -> tuple[Turn, Following]:
        """Store the question with its event, and return the turn and the deltas of its answer.

        ``field`` names the question in refusals: ``InvalidRequest``, ``MessageTooLong``,
        ``ModelRequired`` for an agent that needs one, and ``NotFound`` for a conversation or
        document that the caller does not have.
        """
        question = checked_question(text, self.settings, field=field)
        wanted = asked.wanted()
        require_agent(agent, wanted, self.settings)
        if asked.document_ids is not None and asked.filters.document_ids is not None:
            raise InvalidRequest("Give document_ids once.", field="document_ids")
        turn_id = TurnId(new_id())
        following = self.hub.follow(turn_id)
        async with self.store.tenant(self.principal.tenant_id) as tx:
            await require_documents(tx, wanted.filters.document_ids or ())
            conversation_id = await self._conversation(tx, asked.conversation_id, question)
            turn = await tx.turns.ask(
                turn_id,
                conversation_id,
                agent=agent,
                question=question,
                options=msgspec.to_builtins(wanted),
                reply_partition=self.hub.partition,
                trace_id=current_trace_id(),
            )
            await tx.usage.asked(turn_id)
            outgoing = self._event(turn)
            await tx.outbox.append(outgoing, headers=outbox_headers(outgoing, self.clock))
        log.info("question_asked", turn_id=str(turn_id), conversation_id=str(conversation_id))
        return turn, following

    async def _conversation(
        self, tx: Transaction, asked: ConversationId | None, question: str
    ) -> ConversationId:
        if asked is None:
            title = " ".join(question.split())[:_TITLE_CHARACTERS]
            return (await tx.conversations.create(self.principal.user_id, title)).conversation_id
        if await tx.conversations.get(asked, self.principal.user_id) is None:
            raise NotFound("There is no such conversation.")
        return asked

    def _event(self, turn: Turn) -> Outgoing:
        event = QuestionAsked(
            tenant_id=self.principal.tenant_id,
            conversation_id=turn.conversation_id,
            turn_id=turn.turn_id,
            user_id=self.principal.user_id,
            agent=turn.agent,
            reply_partition=turn.reply_partition,
        )
        return Outgoing(
            topic=CHAT_REQUESTED,
            key=str(turn.conversation_id),
            tenant_id=self.principal.tenant_id,
            event=event,
            event_id=event_id("question_asked", turn.turn_id),
        )
