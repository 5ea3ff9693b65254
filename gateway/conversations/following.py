"""The deltas of one turn on their way to one client, in bounded room."""

from asyncio import Queue, QueueFull

from contracts.conversations import Delta
from contracts.ids import TurnId

#: At 30 ms a delta, a client may lag by some 15 s before it is fed from the row instead.
ROOM = 512


class Following:
    """What one client is still to be told of one turn.

    A client that reads slowly loses deltas and nothing else: the gap is seen, and the rest comes
    from the row when the turn has ended.
    """

    def __init__(self, turn_id: TurnId, *, now: float, room: int = ROOM) -> None:
        self.turn_id = turn_id
        #: Monotonic time of the last sign of life.
        self.heard_at = now
        self._queue: Queue[Delta | None] = Queue(room)

    async def next(self) -> Delta | None:
        """Return the next delta; None when the row is worth a look."""
        return await self._queue.get()

    def offer(self, delta: Delta, *, now: float) -> None:
        """Queue a delta; nothing happens when there is no room."""
        self.heard_at = now
        try:
            self._queue.put_nowait(delta)
        except QueueFull:
            return

    async def give(self, delta: Delta, *, now: float) -> None:
        """Queue a delta, waiting for room; for a reader that serves this client alone."""
        self.heard_at = now
        await self._queue.put(delta)

    def look(self) -> None:
        """Make ``next`` return None after what is queued; a full queue says enough by itself."""
        try:
            self._queue.put_nowait(None)
        except QueueFull:
            return
