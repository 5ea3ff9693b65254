"""The relay: what was accepted goes to Kafka, by one gateway at a time, in order per key."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence

import structlog

from contracts.errors import BrokerUnavailable, RaglineError, Rejected, StoreUnavailable
from gateway.backing_off import BackingOff
from gateway.last_words import LastWords
from gateway.unpublishable import end_unpublishable
from runtime import metrics
from runtime.clock import Clock, SystemClock
from runtime.kafka import Publisher
from store import Store
from store.relay import OutboxRow

log = structlog.get_logger(__name__)

CHANNEL = "ragline_outbox"
#: Rows taken at once; they are published concurrently, keys among themselves in order.
BATCH = 500
#: Keys that may wait for Kafka, or back off, at once; while there are so many it is Kafka.
MOST_HELD = 1000
#: What Kafka has not acknowledged by then goes on by itself, and the next rows do not wait for it.
PATIENCE_SECONDS = 1.0
#: Finds what no notification told of: rows held back for fairness, or a lost notification.
SWEEP_SECONDS = 1.0
#: For what is on its way to Kafka when this process leads no more.
SETTLE_SECONDS = 20.0
#: An error that nobody classified is a bug; a record gets this many tries.
TRIES_OF_A_BUG = 3


class OutboxRelay:
    """Publishes the outbox; at least once, and each key in the order of its rows, on all topics.

    A key that fails is tried again after a while of its own and keeps none but its own rows. What
    Kafka will never take ends its job or its question, with the reason.
    """

    def __init__(
        self,
        *,
        store: Store,
        publisher: Publisher,
        tenant_in_flight: int,
        clock: Clock | None = None,
    ) -> None:
        self._store = store
        self._publisher = publisher
        self._tenant_in_flight = tenant_in_flight
        self._clock = clock or SystemClock()
        self._last_words = LastWords(store=store, publisher=publisher)
        self._failing = BackingOff(self._clock)
        self._publishing: dict[str, asyncio.Task[Sequence[OutboxRow]]] = {}
        self._leads = True
        self._kept = 0

    async def run(self) -> None:
        """Publish for ever; for the process that leads. Raises ``StoreUnavailable``.

        Ends only when what is on its way to Kafka has arrived: whoever leads next may publish
        tombstones, which must stay the last of their keys.
        """
        self._leads = True
        try:
            async with self._store.listen(CHANNEL) as written:
                while True:
                    written.clear()
                    while await self.publish_waiting():
                        pass
                    await _wait(written, SWEEP_SECONDS)
        finally:
            self._leads = False
            await self._settle()

    async def publish_waiting(self) -> bool:
        """Publish one batch; False when nothing is left to do now."""
        rows = await self._next_rows()
        for key, of_key in _by_key(rows).items():
            self._publishing[key] = asyncio.create_task(self._in_order(of_key))
        if self._publishing:
            new = [self._publishing[key] for key in {row.key for row in rows}]
            await asyncio.wait(new or self._publishing.values(), timeout=PATIENCE_SECONDS)
        return await self._collect() > 0

    @property
    def unacknowledged(self) -> int:
        """How many keys have a record that Kafka has not acknowledged yet."""
        return len(self._publishing)

    async def _next_rows(self) -> Sequence[OutboxRow]:
        held = {*self._publishing, *self._failing.keys()}
        room = min(BATCH, MOST_HELD - len(held))
        if room <= 0:
            return ()
        async with self._store.system() as tx:
            return await tx.relay.waiting(
                limit=room, tenant_in_flight=self._tenant_in_flight, without=held
            )

    async def _in_order(self, rows: Sequence[OutboxRow]) -> Sequence[OutboxRow]:
        """Publish rows of one key one after the other; what follows a failed one waits."""
        done: list[OutboxRow] = []
        for row in rows:
            if not (self._leads and await self._publish(row)):
                break
            done.append(row)
        return done

    async def _publish(self, row: OutboxRow) -> bool:
        """Return whether nothing is left to do for this row."""
        try:
            await self._publisher.publish_raw(
                topic=row.topic, key=row.key, value=row.value, headers=row.headers
            )
        except BrokerUnavailable:
            self._failing.failed(row.key)
            return False
        except Exception as error:  # noqa: BLE001 - one row must not stop the others
            return await self._refused(row, error)
        self._failing.succeeded(row.key)
        return True

    async def _refused(self, row: OutboxRow, error: Exception) -> bool:
        tries = self._failing.failed(row.key)
        if not isinstance(error, Rejected):
            log.error("event_not_published", outbox_id=row.outbox_id, exc_info=error)
            if tries < TRIES_OF_A_BUG:
                return False
        known = error if isinstance(error, RaglineError) else RaglineError()
        try:
            await end_unpublishable(row, known, store=self._store, clock=self._clock)
        except Exception:
            log.exception("refusal_not_said", outbox_id=row.outbox_id)
            return False
        self._failing.succeeded(row.key)
        return True

    async def _collect(self) -> int:
        """Note what Kafka has acknowledged meanwhile; return how many rows."""
        ended = {key: task for key, task in self._publishing.items() if task.done()}
        done = [row for task in ended.values() for row in task.result()]
        if done:
            await self._last_words.say_again(done)
            async with self._store.system() as tx:
                await tx.relay.mark_published(done)
            metrics.OUTBOX_PUBLISHED.inc(len(done))
        for key in ended:
            del self._publishing[key]
        if self._kept != (kept := len(self._failing)):
            log.warning("events_kept", keys=kept)
            self._kept = kept
        return len(done)

    async def _settle(self) -> None:
        """Wait for what is on its way, and see that it is not the last word on what was deleted."""
        try:
            async with asyncio.timeout(SETTLE_SECONDS):
                while self._publishing:
                    await asyncio.wait(self._publishing.values())
                    await self._collect_in_time()
        except TimeoutError:
            log.exception("events_not_confirmed", keys=sorted(self._publishing))

    async def _collect_in_time(self) -> None:
        try:
            await self._collect()
        except (BrokerUnavailable, StoreUnavailable):
            await asyncio.sleep(SWEEP_SECONDS)


def _by_key(rows: Iterable[OutboxRow]) -> dict[str, list[OutboxRow]]:
    # Over all topics: a document that is uploaded again must not overtake the tombstones of its
    # deletion, or these would erase what is made of it.
    keys: dict[str, list[OutboxRow]] = defaultdict(list)
    for row in rows:
        keys[row.key].append(row)
    return keys


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
