"""The relay: what was accepted goes to Kafka, by one gateway at a time, in order per key."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence

import structlog

from contracts.errors import BrokerUnavailable, Rejected
from runtime import metrics
from runtime.kafka import Publisher
from store import Store
from store.relay import OutboxRow

log = structlog.get_logger(__name__)

CHANNEL = "ragline_outbox"
#: Rows taken at once; they are published concurrently, keys among themselves in order.
BATCH = 500
#: Finds what no notification told of: rows held back for fairness, or a lost notification.
SWEEP_SECONDS = 1.0
#: Waits while Kafka is away, each twice the one before.
FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 10.0


class OutboxRelay:
    """Publishes the outbox; at least once, and each key in the order of its rows, on all topics."""

    def __init__(self, *, store: Store, publisher: Publisher, tenant_in_flight: int) -> None:
        self._store = store
        self._publisher = publisher
        self._tenant_in_flight = tenant_in_flight
        self._pause = FIRST_PAUSE_SECONDS

    async def run(self) -> None:
        """Publish for ever; for the process that leads. Raises ``StoreUnavailable``."""
        async with self._store.listen(CHANNEL) as written:
            while True:
                written.clear()
                while await self.publish_waiting():
                    pass
                await _wait(written, SWEEP_SECONDS)

    async def publish_waiting(self) -> bool:
        """Publish one batch; False when nothing is left to do now."""
        async with self._store.system() as tx:
            rows = await tx.relay.waiting(limit=BATCH, tenant_in_flight=self._tenant_in_flight)
        if not rows:
            return False
        published = await self._publish(rows)
        if published:
            async with self._store.system() as tx:
                await tx.relay.mark_published(published)
            metrics.OUTBOX_PUBLISHED.inc(len(published))
        return await self._go_on(rows, published)

    async def _publish(self, rows: Sequence[OutboxRow]) -> list[OutboxRow]:
        batches = await asyncio.gather(*(self._in_order(rows) for rows in _by_key(rows)))
        return [row for batch in batches for row in batch]

    async def _in_order(self, rows: Sequence[OutboxRow]) -> list[OutboxRow]:
        """Publish rows of one key one after the other; what follows a failed one waits."""
        published: list[OutboxRow] = []
        for row in rows:
            try:
                await self._publisher.publish_raw(
                    topic=row.topic, key=row.key, value=row.value, headers=row.headers
                )
            except BrokerUnavailable:
                break
            except Rejected as error:
                log.exception("event_refused", outbox_id=row.outbox_id, reason=error.message)
                break
            published.append(row)
        return published

    async def _go_on(self, rows: Sequence[OutboxRow], published: Sequence[OutboxRow]) -> bool:
        if len(published) == len(rows):
            self._pause = FIRST_PAUSE_SECONDS
            return True
        log.warning("events_kept", kept=len(rows) - len(published), pause_seconds=self._pause)
        await asyncio.sleep(self._pause)
        self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)
        return False


def _by_key(rows: Iterable[OutboxRow]) -> Iterable[list[OutboxRow]]:
    # Over all topics: a document that is uploaded again must not overtake the tombstones of its
    # deletion, or these would erase what is made of it.
    keys: dict[str, list[OutboxRow]] = defaultdict(list)
    for row in rows:
        keys[row.key].append(row)
    return keys.values()


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
