"""Copies the dead-letter topics into the table where operators look."""

from collections.abc import Sequence

import structlog
from aiokafka import ConsumerRecord

from gateway.dead_letters.records import GROUPS, read_record
from runtime import metrics
from runtime.clock import Clock
from runtime.kafka import GroupReader, KafkaConnection
from store import Store

log = structlog.get_logger(__name__)

GROUP = "dead-letters"
#: Records copied in one transaction; each is at most 1 MB.
BATCH = 50
#: A reader sees no partitions that were added after its start.
READER_SECONDS = 600.0


class DeadLetterCopy:
    """Keeps every dead letter once, however often it is read."""

    def __init__(self, *, store: Store, kafka: KafkaConnection, clock: Clock) -> None:
        self._store = store
        self._kafka = kafka
        self._clock = clock

    async def copy_dead_letters(self) -> None:
        """Copy what comes, for ten minutes; for the process that leads.

        Raises ``BrokerUnavailable`` or ``StoreUnavailable``; then it goes on where it was.
        """
        end = self._clock.monotonic() + READER_SECONDS
        async with GroupReader(self._kafka, GROUP, list(GROUPS)) as reader:
            while self._clock.monotonic() < end:
                await self.copy_next(reader)

    async def copy_next(self, reader: GroupReader) -> int:
        """Copy the next records and only then commit them; return how many were new."""
        records = await reader.read(limit=BATCH)
        if not records:
            return 0
        new = await self._keep(records)
        await reader.commit()
        return new

    async def measure_dead_letters(self) -> None:
        """Show how many wait, by worker and code."""
        async with self._store.system() as tx:
            waiting = await tx.dead_letters.waiting()
        metrics.DEAD_LETTERS_WAITING.clear()
        for (group, code), letters in waiting.items():
            metrics.DEAD_LETTERS_WAITING.labels(group, code).set(letters)

    async def drop_old_dead_letters(self) -> None:
        """Drop what Kafka does not keep any more either."""
        async with self._store.system() as tx:
            await tx.dead_letters.drop_old()

    async def _keep(self, records: Sequence[ConsumerRecord]) -> int:
        new = 0
        async with self._store.system() as tx:
            for record in records:
                new += await tx.dead_letters.copy(read_record(record))
        if new:
            log.warning("dead_letters_copied", count=new)
        return new
