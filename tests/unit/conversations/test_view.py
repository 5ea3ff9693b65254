"""What a client sees of an answer: each character once, in order, however the deltas come."""

import uuid
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.conversations import (
    AnswerStarted,
    Citation,
    CitationFound,
    Delta,
    Heartbeat,
    Source,
    SourcesFound,
    Step,
    StepTaken,
    TokensGenerated,
)
from contracts.ids import ConversationId, TurnId
from gateway.conversations.view import Position, TurnView
from gateway.sse import ServerEvent
from store.turns import Turn

TURN = TurnId(uuid.UUID(int=1))
CONVERSATION = ConversationId(uuid.UUID(int=2))
CITATION = Citation(
    index=1,
    document_id="d",
    filename="f",
    page=1,
    char_start=0,
    char_end=4,
    quote="Noon",
    similarity=0.5,
)
SOURCE = Source(
    index=1, document_id="d", filename="f", page=1, char_start=0, char_end=4, similarity=0.5
)
STEP = Step(index=1, agent="answer", kind="rewrite", input="When?", result="When is lunch?")
ANSWER = "Lunch is served from noon [1]."
PIECES = ("Lunch is ", "served from ", "noon [1].")


def deltas(attempt: int = 1) -> list[Delta]:
    makers: list[Any] = [
        AnswerStarted,
        lambda **at: StepTaken(step=STEP, **at),
        lambda **at: SourcesFound(sources=(SOURCE,), **at),
        lambda **at: TokensGenerated(text=PIECES[0], **at),
        Heartbeat,
        lambda **at: TokensGenerated(text=PIECES[1], **at),
        lambda **at: TokensGenerated(text=PIECES[2], **at),
        lambda **at: CitationFound(citation=CITATION, **at),
    ]
    return [
        make(turn_id=TURN, attempt=attempt, sequence=sequence)
        for sequence, make in enumerate(makers)
    ]


def turn(**changes: Any) -> Turn:
    done = Turn(
        turn_id=TURN,
        conversation_id=CONVERSATION,
        ordinal=1,
        agent="answer",
        question="When?",
        options={},
        state="done",
        answer=ANSWER,
        sources=[SOURCE],
        citations=[CITATION],
        model="m",
        usage=None,
        timings=None,
        finish_reason="stop",
        generation_id=1,
        error_code=None,
        error_message=None,
        trace_id=None,
        steps=[STEP],
        standalone_question="When is lunch?",
        reply_partition=0,
        first_offset=0,
        lease_owner=None,
        lease_until=None,
        attempt=1,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        finished_at=None,
    )
    return msgspec.structs.replace(done, **changes)


class Client:
    """Keeps what a well-behaved client keeps of a stream."""

    def __init__(self) -> None:
        self.text = ""
        self.steps = 0
        self.sources = 0
        self.citations = 0
        self.restarts = 0
        self.end: str | None = None
        self.last_id: str | None = None

    def take(self, events: list[ServerEvent]) -> None:
        for event in events:
            assert self.end is None
            self.last_id = event.event_id
            match event.event:
                case "restart":
                    self.text, self.steps, self.sources, self.citations = "", 0, 0, 0
                    self.restarts += 1
                case "token":
                    self.text += msgspec.json.decode(event.data)["text"]
                case "step":
                    self.steps += 1
                case "sources":
                    self.sources += 1
                case "citation":
                    self.citations += 1
                case end:
                    self.end = end

    def has_everything(self) -> bool:
        told = (self.text, self.steps, self.sources, self.citations, self.end)
        return told == (ANSWER, 1, 1, 1, "done")


def view(seen: str | None = None) -> TurnView:
    return TurnView(TURN, CONVERSATION, Position.parse(seen))


def test_live_deltas_become_events_in_their_order() -> None:
    client, shown = Client(), view()
    for delta in deltas():
        client.take(shown.show(delta))
    assert client.text == ANSWER
    client.take(shown.finish(turn()))
    assert client.has_everything()


@given(missing=st.sets(st.integers(0, 7)), doubled=st.sets(st.integers(0, 7)))
def test_lost_and_doubled_deltas_change_nothing_of_the_whole(
    missing: set[int], doubled: set[int]
) -> None:
    client, shown = Client(), view()
    for delta in deltas():
        for _ in range((delta.sequence not in missing) + (delta.sequence in doubled)):
            client.take(shown.show(delta))
            assert ANSWER.startswith(client.text)
    client.take(shown.finish(turn()))
    assert client.has_everything()


@given(cut=st.integers(0, 8), replayed_from=st.integers(0, 8))
def test_a_broken_stream_goes_on_where_it_was(cut: int, replayed_from: int) -> None:
    client, shown = Client(), view()
    for delta in deltas()[:cut]:
        client.take(shown.show(delta))
    again = view(client.last_id)
    for delta in deltas()[replayed_from:]:
        client.take(again.show(delta))
    client.take(again.finish(turn()))
    assert client.has_everything()


@given(cut=st.integers(0, 8))
def test_a_broken_stream_goes_on_from_the_row_alone(cut: int) -> None:
    client, shown = Client(), view()
    for delta in deltas()[:cut]:
        client.take(shown.show(delta))
    client.take(view(client.last_id).finish(turn()))
    assert client.has_everything()


@given(first=st.integers(0, 8), missing=st.sets(st.integers(0, 7)))
def test_a_new_attempt_begins_anew(first: int, missing: set[int]) -> None:
    client, shown = Client(), view()
    for delta in deltas(1)[:first]:
        client.take(shown.show(delta))
    had_shown = bool(client.text or client.sources or client.steps)
    for delta in deltas(2):
        if delta.sequence not in missing:
            client.take(shown.show(delta))
    for delta in deltas(1)[first:]:
        client.take(shown.show(delta))  # the first attempt's writer was late
    client.take(shown.finish(turn(attempt=2)))
    assert client.has_everything()
    assert int(had_shown) <= client.restarts <= 1


def test_a_failed_turn_ends_with_its_reason() -> None:
    events = view().finish(
        turn(state="failed", answer="", sources=[], citations=[], steps=[], error_code="x")
    )
    assert [event.event for event in events] == ["error"]
    assert msgspec.json.decode(events[0].data)["code"] == "x"


def test_a_cancelled_turn_says_that_it_was_cancelled() -> None:
    [end] = view().finish(turn(state="cancelled", answer="", sources=[], citations=[], steps=[]))
    assert end.event == "done"
    assert msgspec.json.decode(end.data)["finish_reason"] == "cancelled"


def test_an_end_that_was_seen_is_known_by_its_id() -> None:
    shown = view()
    assert not Position.parse(None).has_ended
    assert Position.parse(shown.finish(turn())[-1].event_id).has_ended


@pytest.mark.parametrize("foreign", ["", "17", "1-2-3", "1-2-3-4-5-6", "a-b-c-d-e-f", "-1--2-3"])
def test_an_id_of_another_stream_means_the_beginning(foreign: str) -> None:
    assert Position.parse(foreign) == Position()
