"""Events about questions and answers, and the deltas in which an answer arrives."""

import msgspec

from contracts.ids import ConversationId, TenantId, TurnId, UserId


class Citation(msgspec.Struct, frozen=True, kw_only=True):
    """A checked source: ``quote`` occurs at ``[char_start, char_end)`` of the parsed text."""

    #: The number in the answer's text, from 1: ``[1]``.
    index: int
    document_id: str
    filename: str
    page: int
    char_start: int
    char_end: int
    quote: str
    #: Cosine similarity of the question and the cited chunk; none where it was not searched for.
    similarity: float | None


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A passage that the model was given, as numbered in the prompt."""

    index: int
    document_id: str
    filename: str
    page: int
    char_start: int
    char_end: int
    #: As a citation's.
    similarity: float | None


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer cost: tokens as the provider counts them, and calls to it."""

    input_tokens: int = 0
    output_tokens: int = 0
    calls: int = 0


class StepError(msgspec.Struct, frozen=True, kw_only=True):
    """Why a step did not work."""

    code: str
    message: str


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """Something that an agent did on the way to its answer."""

    #: Counts the steps of an answer from 1, in the order of their ends.
    index: int
    #: The agent that did it.
    agent: str
    #: The agent that called that one; none where the question came to it.
    caller: str | None = None
    #: ``condense``, ``rewrite``, ``split``, ``search``, ``weigh``, ``read`` or ``merge``.
    kind: str
    #: What it was done to: a question, the part of a document.
    input: str
    #: What came of it: a question, or a sentence.
    result: str
    #: Set where it did not work; ``result`` then says how the answer goes on.
    error: StepError | None = None
    usage: Usage = Usage()
    #: Milliseconds that it took.
    ms: float = 0.0


class TurnEvent(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """What every event about a turn carries."""

    tenant_id: TenantId
    conversation_id: ConversationId
    turn_id: TurnId


class QuestionAsked(TurnEvent, frozen=True, kw_only=True, tag="question_asked"):
    """A question was stored; its text is in the turn's row."""

    user_id: UserId
    agent: str
    #: Partition of ``chat.deltas`` that the asking gateway reads.
    reply_partition: int


class AnswerGiven(TurnEvent, frozen=True, kw_only=True, tag="answer_given"):
    """A turn ended well; its text is in the turn's row."""

    model: str
    finish_reason: str
    usage: Usage
    generation: int


class Delta(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """One step of an answer on its way to the gateway; ordered by (attempt, sequence)."""

    turn_id: TurnId
    attempt: int
    sequence: int


class AnswerStarted(Delta, frozen=True, kw_only=True, tag="started"):
    """An attempt began; what an earlier attempt sent no longer counts."""


class SourcesFound(Delta, frozen=True, kw_only=True, tag="sources"):
    """Retrieval is done; an empty list means that nothing fits the question."""

    sources: tuple[Source, ...]


class StepTaken(Delta, frozen=True, kw_only=True, tag="step"):
    """An agent did something on the way to the answer."""

    step: Step


class TokensGenerated(Delta, frozen=True, kw_only=True, tag="token"):
    """The next piece of the answer's text."""

    text: str


class CitationFound(Delta, frozen=True, kw_only=True, tag="citation"):
    """A checked citation of the answer so far."""

    citation: Citation


class Heartbeat(Delta, frozen=True, kw_only=True, tag="heartbeat"):
    """The responder is alive and the model is slow."""


class AnswerFinished(Delta, frozen=True, kw_only=True, tag="done"):
    """The answer is whole and stored; read the turn's row for it."""


class AnswerBroken(Delta, frozen=True, kw_only=True, tag="error"):
    """The turn failed; what was said stays stored in the turn's row."""

    code: str
    message: str
