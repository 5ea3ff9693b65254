"""An answer as its client receives it: live, from the log again, or from the row."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from contracts.conversations import AnswerBroken, AnswerFinished
from contracts.ids import TenantId, TurnId
from gateway.conversations.deltas import DeltaHub
from gateway.conversations.following import Following
from gateway.conversations.view import Position, TurnView
from gateway.refusals import NotFound
from gateway.sse import ServerEvent
from store import Store
from store.turns import Turn


@dataclass(frozen=True, kw_only=True)
class Answers:
    """Follows the answers of one tenant."""

    store: Store
    hub: DeltaHub
    tenant_id: TenantId

    async def turn(self, turn_id: TurnId) -> Turn:
        """Return the turn as it is now; ``NotFound`` when its conversation was deleted."""
        async with self.store.tenant(self.tenant_id) as tx:
            turn = await tx.turns.get(turn_id)
        if turn is None:
            raise NotFound("There is no such question.")
        return turn

    async def whole(self, following: Following) -> Turn:
        """Return the turn when it has ended, however long that takes."""
        while True:
            delta = await following.next()
            if delta is None or isinstance(delta, AnswerFinished | AnswerBroken):
                turn = await self.turn(following.turn_id)
                if turn.has_ended:
                    return turn

    async def live(self, turn: Turn, following: Following) -> AsyncGenerator[ServerEvent]:
        """Yield the events of a question that was just asked, to its end."""
        view = TurnView(turn.turn_id, turn.conversation_id)
        async for event in self._events(view, following):
            yield event

    async def again(self, turn: Turn, seen: Position) -> AsyncGenerator[ServerEvent]:
        """Yield the events that a client has not seen, of a turn that any gateway asked."""
        view = TurnView(turn.turn_id, turn.conversation_id, seen)
        if turn.has_ended:
            for event in view.finish(turn):
                yield event
            return
        async with self.hub.replay(turn, self.tenant_id) as following:
            async for event in self._events(view, following):
                yield event

    async def _events(self, view: TurnView, following: Following) -> AsyncGenerator[ServerEvent]:
        while True:
            delta = await following.next()
            if delta is not None:
                for event in view.show(delta):
                    yield event
            if delta is None or isinstance(delta, AnswerFinished | AnswerBroken):
                turn = await self.turn(following.turn_id)
                if turn.has_ended:
                    for event in view.finish(turn):
                        yield event
                    return
