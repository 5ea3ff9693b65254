"""What clients send and get about questions, answers and conversations."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from contracts.conversations import Citation, Source, Step, Usage
from contracts.ids import ConversationId, DocumentId, TurnId
from gateway.agent_cards import DEFAULT_AGENT
from gateway.paging import Page
from gateway.search.schemas import FilterBy
from retrieval import Wanted
from retrieval.request import MOST_DOCUMENTS, ChunkCount, Threshold
from store.conversations import Conversation
from store.turns import Turn, TurnState


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a question is to be answered, whatever it is called."""

    #: Goes on with this conversation; without it a new one begins.
    conversation_id: ConversationId | None = None
    #: Answers from these documents alone; short for `filters.document_ids`.
    document_ids: Annotated[tuple[DocumentId, ...], Meta(max_length=MOST_DOCUMENTS)] | None = None
    filters: FilterBy = FilterBy()
    #: Sends the answer as server-sent events; `Accept: text/event-stream` does the same.
    stream: bool = False
    #: Most passages to answer from; default the installation's.
    max_chunks: ChunkCount | None = None
    #: Least cosine similarity of a passage; default the installation's, or the model's own.
    threshold: Threshold | None = None

    def wanted(self) -> Wanted:
        """Return what is to be retrieved."""
        filters = self.filters
        if self.document_ids is not None:
            filters = msgspec.structs.replace(filters, document_ids=self.document_ids)
        return Wanted(max_chunks=self.max_chunks, threshold=self.threshold, filters=filters)


class Message(Asked, frozen=True, kw_only=True):
    """A question, in a conversation or beginning one."""

    message: Annotated[str, Meta(examples=["How long are backups kept?"])]
    #: Who answers; `/agents/status` lists them.
    agent: Annotated[str, Meta(max_length=64)] = DEFAULT_AGENT


class TurnError(msgspec.Struct, frozen=True, kw_only=True):
    """Why a question has no whole answer."""

    code: str
    message: str


class TurnShown(msgspec.Struct, frozen=True, kw_only=True):
    """A question, and its answer as far as it is."""

    turn_id: TurnId
    conversation_id: ConversationId
    state: TurnState
    agent: str
    question: str
    #: The question as it was searched for, where the conversation was needed to understand it.
    standalone_question: str | None
    #: Whole when `state` is `done`; when `failed` or `cancelled`, what was said until then.
    answer: str
    #: The passages that it was answered from, as numbered in it.
    sources: Sequence[Source]
    citations: Sequence[Citation]
    #: What was done on the way to the answer, in order.
    steps: Sequence[Step]
    #: The model that spoke; `none` when nothing fitted the question and no model was asked.
    model: str | None
    usage: Usage | None
    #: Milliseconds by what they were spent on.
    timings: dict[str, float] | None
    #: `stop`, `budget`, `no_context` or `cancelled`; none while it is being answered.
    finish_reason: str | None
    error: TurnError | None
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, turn: Turn) -> "TurnShown":
        """Return the turn as clients see it."""
        return cls(
            turn_id=turn.turn_id,
            conversation_id=turn.conversation_id,
            state=turn.state,
            agent=turn.agent,
            question=turn.question,
            standalone_question=turn.standalone_question,
            answer=turn.answer,
            sources=turn.sources,
            citations=turn.citations,
            steps=turn.steps,
            model=turn.model,
            usage=turn.usage,
            timings=turn.timings,
            finish_reason="cancelled" if turn.state == "cancelled" else turn.finish_reason,
            error=_error(turn),
            created_at=turn.created_at,
            finished_at=turn.finished_at,
        )


class SourcesEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Data of `sources`: retrieval is done; without a source nothing fits the question."""

    turn_id: TurnId
    conversation_id: ConversationId
    sources: Sequence[Source]


class TokenEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Data of `token`: the next piece of the answer."""

    text: str


class RestartEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Data of `restart`: forget the steps, sources, text and citations so far, they begin anew."""

    attempt: int


class ErrorEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Data of `error`: there will be no whole answer; what was said stays in the turn."""

    turn_id: TurnId
    conversation_id: ConversationId
    code: str
    message: str


class ConversationShown(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation, without its turns."""

    conversation_id: ConversationId
    title: str
    #: How many turns it has.
    turns: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, conversation: Conversation) -> "ConversationShown":
        """Return the conversation as clients see it."""
        return cls(
            conversation_id=conversation.conversation_id,
            title=conversation.title,
            turns=conversation.turns,
            created_at=conversation.created_at,
            updated_at=conversation.updated_at,
        )


class ConversationPage(Page[ConversationShown], frozen=True):
    """Some conversations, the one used last first."""


class ConversationRead(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation with its last turns, oldest first."""

    conversation: ConversationShown
    turns: list[TurnShown]
    #: Whether there are turns before these: ask again with `before` as the first one's ordinal.
    has_more: bool
    #: The ordinal of the first turn here, to ask for those before it; none without turns.
    first_ordinal: int | None


def _error(turn: Turn) -> TurnError | None:
    if turn.state != "failed":
        return None
    return TurnError(code=turn.error_code or "", message=turn.error_message or "")
