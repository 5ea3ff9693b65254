"""An answer's steps are announced in order, few at a time, and never waited for."""

import asyncio
import uuid
from collections.abc import Mapping
from typing import cast

import pytest

from contracts.codec import MAX_EVENT_BYTES, encode
from contracts.conversations import (
    AnswerFinished,
    AnswerStarted,
    Delta,
    Heartbeat,
    QuestionAsked,
    SourcesFound,
    TokensGenerated,
)
from contracts.envelope import Outgoing
from contracts.errors import BrokerUnavailable
from contracts.ids import ConversationId, TenantId, TurnId, UserId
from runtime.kafka import Placed, Publisher
from workers.responder.handler import deltas
from workers.responder.handler.deltas import DeltaWriter

ASKED = QuestionAsked(
    tenant_id=TenantId(uuid.UUID(int=1)),
    conversation_id=ConversationId(uuid.UUID(int=2)),
    turn_id=TurnId(uuid.UUID(int=3)),
    user_id=UserId(uuid.UUID(int=4)),
    agent="answer",
    reply_partition=9,
)


class Kept:
    """Keeps what is published, as a broker would, at offsets from 100."""

    def __init__(self, *, fails_at: int | None = None, seconds: float = 0.0) -> None:
        self.sent: list[Outgoing] = []
        self.placed: list[tuple[int, int]] = []
        self._fails_at = fails_at
        self._seconds = seconds
        self._attempts = 1

    async def publish(
        self, outgoing: Outgoing, *, headers: Mapping[str, str] | None = None
    ) -> Placed:
        assert headers is None
        await asyncio.sleep(self._seconds)
        self.sent.append(outgoing)
        if len(self.sent) - 1 == self._fails_at:
            self.sent[-1:] = []
            self._fails_at = None
            raise BrokerUnavailable
        return Placed(9, 99 + len(self.sent))

    async def note(self, attempt: int, offset: int) -> None:
        self.placed.append((attempt, offset))

    async def begin(self) -> int:
        self._attempts += 1
        return self._attempts

    def writer(self) -> DeltaWriter:
        return DeltaWriter(cast("Publisher", self), ASKED, begin=self.begin, placed=self.note)

    @property
    def deltas(self) -> list[Delta]:
        return [cast("Delta", outgoing.event) for outgoing in self.sent]

    @property
    def text(self) -> str:
        return "".join(d.text for d in self.deltas if isinstance(d, TokensGenerated))


@pytest.mark.asyncio
async def test_steps_go_out_in_order_with_contiguous_numbers() -> None:
    kept = Kept()
    async with kept.writer() as writer:
        writer.start(1)
        writer.sources([])
        for word in ("one ", "two ", "three"):
            writer.token(word)
        await writer.end(AnswerFinished)
        assert writer.so_far.text == "one two three"
    assert [type(delta) for delta in kept.deltas] == [
        AnswerStarted,
        SourcesFound,
        TokensGenerated,
        AnswerFinished,
    ]
    assert [delta.sequence for delta in kept.deltas] == [0, 1, 2, 3]
    assert kept.text == "one two three"
    assert {outgoing.partition for outgoing in kept.sent} == {9}
    assert len({outgoing.event_id for outgoing in kept.sent}) == 4
    assert kept.placed == [(1, 100)]


@pytest.mark.asyncio
async def test_fast_tokens_travel_together_and_the_first_at_once() -> None:
    kept = Kept()
    async with kept.writer() as writer:
        writer.start(1)
        writer.token("first ")
        await asyncio.sleep(0.01)
        assert kept.text == "first "
        for number in range(50):
            writer.token(f"{number} ")
            await asyncio.sleep(0.002)
        await writer.end(AnswerFinished)
    assert kept.text == "first " + "".join(f"{number} " for number in range(50))
    assert len(kept.sent) < 20


@pytest.mark.asyncio
async def test_a_slow_broker_does_not_hold_the_answer() -> None:
    kept = Kept(seconds=0.05)
    async with kept.writer() as writer:
        writer.start(1)
        for number in range(1000):
            writer.token(f"{number} ")
        assert len(kept.sent) == 0
        await writer.end(AnswerFinished)
    assert len(kept.sent) == 3


@pytest.mark.asyncio
async def test_a_long_text_is_divided_and_no_event_is_too_large() -> None:
    kept = Kept()
    text = "\x01" * 30_000
    async with kept.writer() as writer:
        writer.start(1)
        writer.token(text)
        await writer.end(AnswerFinished)
    assert kept.text == text
    assert all(len(encode(delta)) <= MAX_EVENT_BYTES for delta in kept.deltas)


@pytest.mark.asyncio
async def test_another_attempt_begins_with_new_numbers_and_drops_what_waited() -> None:
    kept = Kept(seconds=0.02)
    async with kept.writer() as writer:
        writer.start(1)
        writer.token("old ")
        await writer.restart()
        writer.token("new")
        await writer.end(AnswerFinished)
        assert writer.so_far.text == "new"
    assert kept.text == "new"
    second = [delta for delta in kept.deltas if delta.attempt == 2]
    assert [delta.sequence for delta in second] == [0, 1, 2]
    assert isinstance(second[0], AnswerStarted)


@pytest.mark.asyncio
async def test_what_cannot_be_sent_leaves_a_gap_and_nothing_else() -> None:
    kept = Kept(fails_at=1)
    async with kept.writer() as writer:
        writer.start(1)
        writer.sources([])
        writer.token("text")
        await writer.end(AnswerFinished)
    assert [delta.sequence for delta in kept.deltas] == [0, 2, 3]


@pytest.mark.asyncio
async def test_silence_is_told_from_death(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deltas, "HEARTBEAT_SECONDS", 0.02)
    kept = Kept()
    async with kept.writer() as writer:
        writer.start(1)
        await asyncio.sleep(0.2)
    assert sum(isinstance(delta, Heartbeat) for delta in kept.deltas) >= 3
