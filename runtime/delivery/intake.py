"""Between the consumer and the lanes: windows, offsets, and what happens when partitions move."""

from collections.abc import Callable, Mapping, Sequence

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from typing_extensions import override

from runtime import metrics
from runtime.clock import Clock
from runtime.delivery.commits import Commits
from runtime.delivery.holding import Holding
from runtime.delivery.lanes import Lanes
from runtime.delivery.settle import Attempt, Settler
from runtime.delivery.tracker import OffsetTracker
from runtime.delivery.worker import Worker

log = structlog.get_logger(__name__)

COMMIT_SECONDS = 0.5
COMMIT_COMPLETIONS = 50
#: A partition is paused when this many times the concurrency is open, and resumed at half.
WINDOW = 4
#: Beyond that of its own partition, what all partitions of a process may hold open.
PROCESS_WINDOW = 16
#: A reader that has not come round for this long is stuck.
STUCK_SECONDS = 30.0
#: A rebalance waits for the slowest member to drain, and a reader waits for the rebalance.
REBALANCE_SECONDS = 90.0


class Intake(ConsumerRebalanceListener):
    """Takes records without waiting, commits what is complete, drains before partitions go."""

    def __init__(
        self,
        worker: Worker,
        settler: Settler,
        clock: Clock,
        *,
        group: str | None = None,
        delays: Mapping[str, int] | None = None,
    ) -> None:
        self._worker = worker
        self._group = group or worker.name
        self._settler = settler
        self._clock = clock
        self._holding = Holding(delays or {}, clock)
        self._commits = Commits()
        self._trials = self._commits.trials
        self._lanes = Lanes(
            self._settle, concurrency=worker.concurrency, admits=self._trials.admits
        )
        self._attempt: Attempt | None = None
        self._began: dict[tuple[TopicPartition, int], float] = {}
        self._completions = 0
        self._committed_at = self._up_to_date_at = clock.monotonic()
        self._ticked_at: float | None = None
        self._is_rebalancing = False
        self._is_closed = False
        #: Why a record could not be brought to any end.
        self._broken: str | None = None

    def attach(self, consumer: Callable[[], AIOKafkaConsumer | None]) -> None:
        """Say whose partitions these are; asked again each time, a reconnect makes another."""
        self._commits.consumer = consumer

    def close(self) -> None:
        """Take no record from now on; who stops must not begin what it cannot commit."""
        self._is_closed = True

    @property
    def open_records(self) -> int:
        """How many records were read and are not complete."""
        return self._commits.open_records

    @property
    def backlog(self) -> int:
        """How many records of this process's partitions are not complete, read or not."""
        consumer = self._commits.consumer()
        return 0 if consumer is None else sum(self._lag(consumer, p) for p in consumer.assignment())

    @property
    def is_committed(self) -> bool:
        """Whether everything that is complete is committed."""
        return self._commits.is_up_to_date

    def problem(self) -> str | None:
        """Return why this process is stuck, None while it lives."""
        if self._broken or self._ticked_at is None:
            return self._broken
        silence = self._clock.monotonic() - self._ticked_at
        if silence > self.longest_silence:
            return f"Nothing was read from Kafka for {silence:.0f} s."
        return None

    @property
    def longest_silence(self) -> float:
        """After how many seconds without a read this process counts as stuck now."""
        if not self._is_rebalancing:
            return STUCK_SECONDS
        return STUCK_SECONDS + REBALANCE_SECONDS + self._worker.drain_seconds

    def take(
        self,
        consumer: AIOKafkaConsumer,
        partition: TopicPartition,
        records: Sequence[ConsumerRecord],
        attempt: Attempt,
    ) -> None:
        """Queue the records of a partition that are due; returns at once."""
        if self._is_closed:
            return
        self._attempt = attempt
        for record in self._holding.due(consumer, partition, records):
            if self._commits.begin(record):
                self._began[partition, record.offset] = self._clock.monotonic()
                self._lanes.offer(record)
            else:
                metrics.EVENTS_HANDLED.labels(self._worker.name, "skipped").inc()

    async def tick(self, consumer: AIOKafkaConsumer) -> None:
        """Pause, resume and commit where it is time; called after every read."""
        self._ticked_at = self._clock.monotonic()
        self._holding.release(consumer)
        self._adjust_windows(consumer)
        due = self._ticked_at - self._committed_at >= COMMIT_SECONDS
        if due or self._completions >= COMMIT_COMPLETIONS:
            await self.commit()
        if due:
            self._measure(consumer)

    async def commit(self) -> None:
        """Commit what is complete; a failure is repeated at the next tick."""
        self._committed_at, self._completions = self._clock.monotonic(), 0
        if await self._commits.commit():
            self._up_to_date_at = self._clock.monotonic()

    async def drain(self) -> None:
        """Let the work in flight end, for a bounded time, commit it, and take nothing more."""
        self.close()
        everything = self._commits.partitions
        await self._end_work(everything)
        await self._let_go(everything)

    @override
    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Stop dispatch, drain, commit, and only then forget the partitions."""
        self._is_rebalancing = True
        mine = revoked & self._commits.partitions
        self._holding.forget(revoked)
        if mine:
            metrics.REBALANCES.labels(self._group).inc()
        if self._worker.drains_on_revoke:
            await self._end_work(mine)
        else:
            self._lanes.forget(mine)
        await self._let_go(mine)

    async def _end_work(self, partitions: set[TopicPartition]) -> None:
        with metrics.DRAIN_SECONDS.labels(self._group).time():
            drained = await self._lanes.drain(
                partitions, seconds=self._worker.drain_seconds, idle=self._settler.idle
            )
        if not drained:
            log.warning("work_cancelled_at_drain", seconds=self._worker.drain_seconds)

    async def _let_go(self, partitions: set[TopicPartition]) -> None:
        await self._commits.let_go(partitions)
        self._began = {key: at for key, at in self._began.items() if key[0] not in partitions}

    @override
    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Learn what earlier owners have completed, before anything is read."""
        consumer = self._commits.consumer()
        if consumer is not None and assigned:
            # At once: a record that comes before what is known of its partition is executed again.
            consumer.pause(*assigned)
            await self._commits.take_over(consumer, assigned)
            consumer.resume(*(assigned & consumer.assignment()))
        self._is_rebalancing = False
        self._ticked_at = self._clock.monotonic()
        log.info("partitions_assigned", group=self._group, count=len(assigned))

    async def _settle(self, record: ConsumerRecord) -> None:
        partition = TopicPartition(record.topic, record.partition)
        # Taken now: after a rebalance the partition may be back with another tracker.
        tracker = self._commits.tracker(partition)
        if tracker is None or self._attempt is None:
            return
        try:
            if failure := self._trials.verdict(record):
                await self._settler.give_up(record, failure)
            else:
                await self._settler.settle(record, self._attempt)
        except Exception:
            log.exception("record_not_settled", group=self._group, offset=record.offset)
            self._broken = "A record could neither be handled nor kept as a dead letter."
            return  # its offset stays open: it comes again after the restart
        tracker.done(record.offset)
        self._trials.ended(partition, record.offset)
        self._began.pop((partition, record.offset), None)
        self._completions += 1

    def _adjust_windows(self, consumer: AIOKafkaConsumer) -> None:
        """Pause partitions with a full window, or all when together they hold too much."""
        if self._is_rebalancing:
            return  # what is paused meanwhile waits for what its last owner has committed
        assigned, paused = consumer.assignment(), consumer.paused()
        if self.open_records >= PROCESS_WINDOW * self._worker.concurrency:
            consumer.pause(*(assigned - paused))
            return
        window = WINDOW * self._worker.concurrency
        for partition in assigned:
            tracker = self._commits.tracker(partition)
            if tracker is not None and len(tracker) >= window and partition not in paused:
                consumer.pause(partition)
            elif partition in paused and self._may_resume(partition, tracker, window):
                consumer.resume(partition)

    def _may_resume(
        self, partition: TopicPartition, tracker: OffsetTracker | None, window: int
    ) -> bool:
        is_low = tracker is None or len(tracker) <= window // 2
        return is_low and not self._holding.holds(partition)

    def _measure(self, consumer: AIOKafkaConsumer) -> None:
        name = self._group
        oldest = min(self._began.values(), default=None)
        age = 0.0 if oldest is None else self._clock.monotonic() - oldest
        metrics.IN_FLIGHT.labels(name).set(self.open_records)
        metrics.OLDEST_IN_FLIGHT.labels(name).set(age)
        metrics.WINDOW.labels(name).set(WINDOW * self._worker.concurrency)
        metrics.COMMIT_AGE.labels(name).set(self._clock.monotonic() - self._up_to_date_at)
        metrics.PARTITIONS_PAUSED.labels(name).set(len(consumer.paused()))
        metrics.LAG.labels(name).set(sum(self._lag(consumer, p) for p in consumer.assignment()))

    def _lag(self, consumer: AIOKafkaConsumer, partition: TopicPartition) -> int:
        end = consumer.highwater(partition)
        tracker = self._commits.tracker(partition)
        position = None if tracker is None else tracker.position
        return 0 if end is None or position is None else end - position
