"""Ending an answer that is not wanted any more."""

import asyncio

from contracts.ids import TenantId, TurnId
from gateway.refusals import NotFound
from store import Store
from store.turns import Turn

#: A responder notices within a second; one that died would be waited for in vain.
MOST_LOOKS = 15
LOOK_SECONDS = 0.2


async def cancel(store: Store, tenant_id: TenantId, turn_id: TurnId) -> Turn:
    """Cancel the turn and return it with what was said, as soon as that is kept.

    ``NotFound`` when its conversation is deleted meanwhile.
    """
    async with store.tenant(tenant_id) as tx:
        await tx.turns.cancel(turn_id)
    turn = await _look(store, tenant_id, turn_id)
    for _ in range(MOST_LOOKS):
        if turn.has_ended:
            break
        await asyncio.sleep(LOOK_SECONDS)
        turn = await _look(store, tenant_id, turn_id)
    return turn


async def _look(store: Store, tenant_id: TenantId, turn_id: TurnId) -> Turn:
    async with store.tenant(tenant_id) as tx:
        turn = await tx.turns.get(turn_id)
    if turn is None:
        raise NotFound("There is no such question.")
    return turn
