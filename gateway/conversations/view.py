"""What one client has been shown of a turn, and so what it is to be shown next. Pure."""

import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace

import msgspec
from typing_extensions import override

from contracts.conversations import (
    AnswerStarted,
    Citation,
    CitationFound,
    Delta,
    Source,
    SourcesFound,
    Step,
    StepTaken,
    TokensGenerated,
)
from contracts.ids import ConversationId, TurnId
from gateway.conversations.schemas import (
    ErrorEvent,
    RestartEvent,
    SourcesEvent,
    TokenEvent,
    TurnShown,
)
from gateway.sse import ServerEvent
from store.turns import Turn

#: The fields of a position; the second is the sequence that comes next.
_EVENT_ID = re.compile(r"\d{1,9}(?:-\d{1,9}){4}-[01]-[01]")


@dataclass(frozen=True, kw_only=True)
class Position:
    """How far a client is; travels as the id of its events."""

    attempt: int = 0
    sequence: int = -1
    #: Of the answer's text, in code points.
    characters: int = 0
    citations: int = 0
    steps: int = 0
    has_sources: bool = False
    has_ended: bool = False

    @classmethod
    def parse(cls, event_id: str | None) -> "Position":
        """Return the position in ``Last-Event-ID``; the beginning where it is none of ours."""
        if event_id is None or not _EVENT_ID.fullmatch(event_id):
            return cls()
        attempt, sequence, characters, citations, steps, has_sources, has_ended = map(
            int, event_id.split("-")
        )
        return cls(
            attempt=attempt,
            sequence=sequence - 1,
            characters=characters,
            citations=citations,
            steps=steps,
            has_sources=bool(has_sources),
            has_ended=bool(has_ended),
        )

    @override
    def __str__(self) -> str:
        following = replace(self, sequence=self.sequence + 1)
        return "-".join(str(int(part)) for part in astuple(following))


class TurnView:
    """Turns deltas, in whatever order and number they come, into one client's events.

    Deltas that it has seen are left out. After a gap it shows nothing more of that attempt until
    ``finish``, which shows the rest from the row: so what was shown is always the beginning of
    the answer, each character once.
    """

    def __init__(
        self, turn_id: TurnId, conversation_id: ConversationId, seen: Position | None = None
    ) -> None:
        self._turn_id = turn_id
        self._conversation_id = conversation_id
        self._at = seen or Position()
        self._is_behind = False

    def show(self, delta: Delta) -> list[ServerEvent]:
        """Return the events that this delta makes, in order; often none."""
        shown: list[ServerEvent] = []
        if delta.attempt > self._at.attempt:
            shown = self._begin(delta.attempt)
            self._is_behind = not isinstance(delta, AnswerStarted)
        if delta.attempt < self._at.attempt or self._is_behind:
            return shown
        if delta.sequence > self._at.sequence + 1:
            self._is_behind = True
        if delta.sequence != self._at.sequence + 1:
            return shown
        self._at = replace(self._at, sequence=delta.sequence)
        return [*shown, *self._shown(delta)]

    def finish(self, turn: Turn) -> list[ServerEvent]:
        """Return what is left to show of a turn that has ended, and its end."""
        shown = self._begin(turn.attempt) if turn.attempt != self._at.attempt else []
        shown.extend(map(self._step, turn.steps[self._at.steps :]))
        if not self._at.has_sources and (turn.sources or turn.state == "done"):
            shown.append(self._sources(turn.sources))
        if self._at.characters < len(turn.answer):
            shown.append(self._text(turn.answer[self._at.characters :]))
        shown.extend(map(self._citation, turn.citations[self._at.citations :]))
        self._at = replace(self._at, has_ended=True)
        return [*shown, self._end(turn)]

    def _shown(self, delta: Delta) -> list[ServerEvent]:
        match delta:
            case StepTaken(step=step):
                return [self._step(step)]
            case SourcesFound(sources=sources):
                return [self._sources(sources)]
            case TokensGenerated(text=text):
                return [self._text(text)]
            case CitationFound(citation=citation):
                return [self._citation(citation)]
            case _:
                return []

    def _begin(self, attempt: int) -> list[ServerEvent]:
        has_shown = self._at.has_sources or self._at.characters > 0 or self._at.steps > 0
        self._at = Position(attempt=attempt)
        return [self._event("restart", RestartEvent(attempt=attempt))] if has_shown else []

    def _step(self, step: Step) -> ServerEvent:
        self._at = replace(self._at, steps=self._at.steps + 1)
        return self._event("step", step)

    def _sources(self, sources: Sequence[Source]) -> ServerEvent:
        self._at = replace(self._at, has_sources=True)
        return self._event(
            "sources",
            SourcesEvent(
                turn_id=self._turn_id,
                conversation_id=self._conversation_id,
                sources=sources,
            ),
        )

    def _text(self, text: str) -> ServerEvent:
        self._at = replace(self._at, characters=self._at.characters + len(text))
        return self._event("token", TokenEvent(text=text))

    def _citation(self, citation: Citation) -> ServerEvent:
        self._at = replace(self._at, citations=self._at.citations + 1)
        return self._event("citation", citation)

    def _end(self, turn: Turn) -> ServerEvent:
        whole = TurnShown.of(turn)
        if whole.error is None:
            return self._event("done", whole)
        error = ErrorEvent(
            turn_id=turn.turn_id,
            conversation_id=turn.conversation_id,
            code=whole.error.code,
            message=whole.error.message,
        )
        return self._event("error", error)

    def _event(self, name: str, data: msgspec.Struct) -> ServerEvent:
        return ServerEvent(event=name, data=msgspec.json.encode(data), event_id=str(self._at))
