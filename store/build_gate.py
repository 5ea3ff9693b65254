"""What holds the workers of a build back: a pause, a budget, a rate, and live work before all."""

import asyncio

import structlog

from contracts.errors import StoreUnavailable
from runtime.clock import Clock
from store.builds import Orders
from store.store import Store

log = structlog.get_logger(__name__)

#: How long orders hold before they are asked for again.
LOOK_SECONDS = 0.5
#: While live work is on its way, a process takes one record of a build in this time.
YIELD_SECONDS = 0.5

GO = Orders(paused=False, budget_spent=False, max_rate=None, live_work=False)


class BuildGate:
    """Lets a build's records through one by one, as its orders say.

    ``has_rate`` is true for the worker whose records are documents, which the rate counts.
    """

    def __init__(self, store: Store, generation: int, clock: Clock, *, has_rate: bool) -> None:
        self._store = store
        self._generation = generation
        self._clock = clock
        self._has_rate = has_rate
        self._orders = GO
        self._looked_at: float | None = None
        self._next_at = 0.0
        self._waiting = asyncio.Lock()

    async def admit(self) -> None:
        """Return when the next record may be worked on."""
        async with self._waiting:
            orders = await self._current()
            while orders.paused or orders.budget_spent:
                await asyncio.sleep(LOOK_SECONDS)
                orders = await self._current()
            await asyncio.sleep(max(0.0, self._next_at - self._clock.monotonic()))
            self._next_at = self._clock.monotonic() + self._spacing(orders)

    def _spacing(self, orders: Orders) -> float:
        """Return how many seconds the record after this one has to wait."""
        by_rate = 1 / orders.max_rate if self._has_rate and orders.max_rate else 0.0
        return max(by_rate, YIELD_SECONDS if orders.live_work else 0.0)

    async def _current(self) -> Orders:
        now = self._clock.monotonic()
        if self._looked_at is None or now - self._looked_at >= LOOK_SECONDS:
            try:
                async with self._store.system() as system:
                    # A build that is gone holds nothing back: its records are obsolete.
                    self._orders = await system.builds.orders(self._generation) or GO
            except StoreUnavailable as error:
                log.warning("orders_of_build_not_read", reason=error.message)
                await asyncio.sleep(LOOK_SECONDS)
            self._looked_at = self._clock.monotonic()
        return self._orders
