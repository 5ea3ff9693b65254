"""The claim on a turn: whoever holds it answers, and only its answer counts."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

import msgspec
import structlog

from contracts.conversations import Usage
from contracts.errors import RaglineError, StoreUnavailable
from contracts.ids import TenantId, TurnId
from providers.chat.metering import Meter, metered
from store import Store, Transaction
from store.turns import Answer, Claim, Claimed, Unfinished

log = structlog.get_logger(__name__)

#: Cancelling a turn takes its claim away; the model call stops at most this many seconds later.
NOTICES_CANCELLING = 1.0
#: An answer was paid for: it is worth these pauses (seconds) when the database is away.
PATIENCE = (0.2, 1.0, 3.0)

T = TypeVar("T")


class LeaseLost(Exception):
    """The turn was cancelled, or another responder has taken it over."""


class Lease:
    """A claim on one turn, by database time, extended for as long as the work goes on."""

    def __init__(
        self, store: Store, tenant_id: TenantId, turn_id: TurnId, *, owner: str, seconds: float
    ) -> None:
        self._store = store
        self._tenant_id = tenant_id
        self._turn_id = turn_id
        self._owner = owner
        self._seconds = seconds
        self._changing = asyncio.Lock()
        #: What the work costs.
        self._meter = Meter()
        #: Counts the attempts at the turn, whoever made them; 0 before it is claimed.
        self.attempt = 0

    async def claim(self) -> Claim:
        """Claim the turn; see ``Claim`` for what it may turn out to be."""
        async with self._changing, self._store.tenant(self._tenant_id) as tx:
            return await self._claim(tx)

    async def begin_again(self) -> int:
        """Return the number of another attempt of ours; ``LeaseLost`` when the turn is not."""
        async with self._changing, self._store.tenant(self._tenant_id) as tx:
            await tx.turns.extend(self._turn_id, owner=self._owner, attempt=self.attempt, seconds=0)
            if not isinstance(await self._claim(tx), Claimed):
                raise LeaseLost
        return self.attempt

    async def hold(self, work: Coroutine[Any, Any, T]) -> T:
        """Return the result of ``work``; it is cancelled and ``LeaseLost`` when the claim ends."""
        with metered() as self._meter:
            working = asyncio.create_task(work)
        keeping = asyncio.create_task(self._keep())
        try:
            await asyncio.wait({working, keeping}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return await working
            await keeping
            raise LeaseLost
        finally:
            working.cancel()
            keeping.cancel()
            await asyncio.gather(working, keeping, return_exceptions=True)

    async def place(self, attempt: int, offset: int) -> None:
        """Keep where the deltas of an attempt begin, for whoever reads them again."""
        async with self._store.tenant(self._tenant_id) as tx:
            await tx.turns.set_first_offset(self._turn_id, attempt=attempt, offset=offset)

    async def finish(self, answer: Answer) -> None:
        """Store the answer; ``LeaseLost`` when the turn has ended otherwise."""
        # Calls that broke off before the answer came are no part of it, but have their price.
        cost = max(answer.usage, self._meter.usage, key=lambda usage: usage.calls)
        answer = msgspec.structs.replace(answer, usage=cost)
        await self._write(
            lambda tx: tx.turns.finish(
                self._turn_id,
                attempt=self.attempt,
                owner=self._owner,
                answer=answer,
            ),
            cost,
        )

    async def fail(self, *, code: str, message: str, said: Unfinished) -> None:
        """Store why there is no whole answer, and what was said of it; errors as ``finish``."""
        await self._write(
            lambda tx: tx.turns.fail(
                self._turn_id,
                attempt=self.attempt,
                owner=self._owner,
                code=code,
                message=message,
                said=self._with_cost(said),
            ),
            self._meter.usage,
        )

    async def keep(self, said: Unfinished) -> None:
        """Store what was said of an answer that was cancelled, and what it cost; best effort."""
        said = self._with_cost(said)
        with suppress(LeaseLost):
            try:
                await self._write(
                    lambda tx: tx.turns.keep(
                        self._turn_id, attempt=self.attempt, owner=self._owner, said=said
                    ),
                    said.usage,
                )
            except RaglineError as error:
                log.warning("answer_not_kept", turn_id=str(self._turn_id), code=error.code)

    async def release(self) -> None:
        """Let another responder take over at once; best effort."""
        try:
            await self._write(self._let_go, self._meter.usage, patience=())
        except LeaseLost:
            return
        except RaglineError as error:
            log.warning("lease_not_released", turn_id=str(self._turn_id), code=error.code)

    async def _let_go(self, tx: Transaction) -> bool:
        return await tx.turns.extend(
            self._turn_id, owner=self._owner, attempt=self.attempt, seconds=0
        )

    def _with_cost(self, said: Unfinished) -> Unfinished:
        return msgspec.structs.replace(said, usage=self._meter.usage)

    async def _claim(self, tx: Transaction) -> Claim:
        claim = await tx.turns.claim(self._turn_id, owner=self._owner, seconds=self._seconds)
        if isinstance(claim, Claimed):
            self.attempt = claim.turn.attempt
        return claim

    async def _keep(self) -> None:
        """Extend the claim until that is refused."""
        while True:
            await asyncio.sleep(min(self._seconds / 3, NOTICES_CANCELLING))
            try:
                if not await self._extend(self._seconds):
                    return
            except StoreUnavailable:
                # Nobody can take over what nobody can reach; finishing is checked again.
                log.warning("lease_not_extended", turn_id=str(self._turn_id))

    async def _extend(self, seconds: float) -> bool:
        async with self._changing, self._store.tenant(self._tenant_id) as tx:
            return await tx.turns.extend(
                self._turn_id, owner=self._owner, attempt=self.attempt, seconds=seconds
            )

    async def _write(
        self,
        change: Callable[[Transaction], Awaitable[bool]],
        cost: Usage,
        *,
        patience: tuple[float, ...] = PATIENCE,
    ) -> None:
        """Change the turn; what the work cost counts even when the turn is not ours any more."""
        for pause in (*patience, None):
            try:
                async with self._changing, self._store.tenant(self._tenant_id) as tx:
                    await tx.usage.answered(self._turn_id, self._owner, usage=cost)
                    changed = await change(tx)
            except StoreUnavailable:
                if pause is None:
                    raise
                await asyncio.sleep(pause)
            else:
                if not changed:
                    raise LeaseLost
                return
