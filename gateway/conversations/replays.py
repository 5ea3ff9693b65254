"""Answers read again from the log, for clients that come back or come to another gateway."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import structlog

from contracts.codec import decode
from contracts.conversations import Delta
from contracts.errors import RaglineError, UndecodableEvent
from contracts.ids import TenantId
from contracts.topics import CHAT_DELTAS
from gateway.conversations.following import Following
from runtime.clock import Clock
from runtime.kafka import KafkaConnection, TailReader
from store import Store
from store.turns import Turn

log = structlog.get_logger(__name__)

#: Answers that are read again at the same time, each with a consumer of its own.
MOST_REPLAYS = 32


class Replays:
    """Reads single turns from wherever their deltas are."""

    def __init__(self, store: Store, connection: KafkaConnection, clock: Clock) -> None:
        self._store = store
        self._connection = connection
        self._clock = clock
        self._room = asyncio.Semaphore(MOST_REPLAYS)

    @asynccontextmanager
    async def reading(
        self, turn: Turn, tenant_id: TenantId, following: Following
    ) -> AsyncGenerator[None]:
        """Give ``following`` the turn's deltas while this is open, room permitting."""
        task = asyncio.create_task(self._read(turn, tenant_id, following))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _read(self, turn: Turn, tenant_id: TenantId, following: Following) -> None:
        if self._room.locked():
            return
        async with self._room:
            try:
                await self._read_from(turn.first_offset, turn, tenant_id, following)
            except RaglineError as error:
                log.warning("deltas_not_read_again", turn_id=str(turn.turn_id), code=error.code)

    async def _read_from(
        self, offset: int | None, turn: Turn, tenant_id: TenantId, following: Following
    ) -> None:
        async with self._reader(turn, offset) as reader:
            # Looked up when the position is known, so that nothing falls between the two.
            begun = offset if offset is not None else await self._first_offset(turn, tenant_id)
            if begun == offset:
                await self._give(reader, turn, following)
        await self._read_from(begun, turn, tenant_id, following)

    async def _first_offset(self, turn: Turn, tenant_id: TenantId) -> int | None:
        async with self._store.tenant(tenant_id) as tx:
            now = await tx.turns.get(turn.turn_id)
        return None if now is None else now.first_offset

    async def _give(self, reader: TailReader, turn: Turn, following: Following) -> None:
        """Pass on the turn's deltas, for ever."""
        async for record in reader:
            delta = delta_in(record.value)
            if delta is not None and delta.turn_id == turn.turn_id:
                await following.give(delta, now=self._clock.monotonic())

    def _reader(self, turn: Turn, offset: int | None) -> TailReader:
        return TailReader(self._connection, CHAT_DELTAS.name, turn.reply_partition, offset=offset)


def delta_in(value: bytes | None) -> Delta | None:
    """Return the delta in a record, None for what a newer version may have sent."""
    try:
        delta: Delta = decode(CHAT_DELTAS, value or b"")
    except UndecodableEvent:
        log.warning("delta_not_understood")
        return None
    return delta
