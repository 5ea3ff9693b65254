"""A slow client holds nobody: what finds no room is left out, and the row makes up for it."""

import uuid

import pytest

from contracts.conversations import Heartbeat
from contracts.ids import TurnId
from gateway.conversations.following import Following

TURN = TurnId(uuid.UUID(int=1))


def beat(sequence: int) -> Heartbeat:
    return Heartbeat(turn_id=TURN, attempt=1, sequence=sequence)


@pytest.mark.asyncio
async def test_deltas_come_out_in_their_order() -> None:
    following = Following(TURN, now=0.0)
    for sequence in range(3):
        following.offer(beat(sequence), now=float(sequence))
    following.look()
    received = [await following.next() for _ in range(4)]
    assert received == [beat(0), beat(1), beat(2), None]
    assert following.heard_at == 2.0


@pytest.mark.asyncio
async def test_what_finds_no_room_is_left_out_without_waiting() -> None:
    following = Following(TURN, now=0.0, room=2)
    for sequence in range(5):
        following.offer(beat(sequence), now=0.0)
    following.look()
    assert [await following.next() for _ in range(2)] == [beat(0), beat(1)]
    following.offer(beat(5), now=0.0)
    assert await following.next() == beat(5)
