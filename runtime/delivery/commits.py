"""The offsets of a group's partitions in this process: taken over, completed, committed, let go."""

import asyncio
from collections.abc import Callable, Collection

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError

from runtime.delivery.progress import Progress, committed_progress
from runtime.delivery.tracker import OffsetTracker
from runtime.delivery.trials import Trials

log = structlog.get_logger(__name__)

#: A commit needs milliseconds; without Kafka it would wait for ever.
COMMIT_TIMEOUT = 5.0
#: Who lets a partition go has no other chance.
LAST_COMMIT_TIMEOUT = 8.0


class Commits:
    """Commits what is complete, and what is not; see ``runtime.delivery.progress``."""

    def __init__(self) -> None:
        #: Asked each time, because a reconnect makes another.
        self.consumer: Callable[[], AIOKafkaConsumer | None] = lambda: None
        self._trackers: dict[TopicPartition, OffsetTracker] = {}
        self.trials = Trials()

    @property
    def partitions(self) -> set[TopicPartition]:
        """The partitions of which something is known."""
        return set(self._trackers)

    @property
    def open_records(self) -> int:
        """How many records were read and are not complete."""
        return sum(len(tracker) for tracker in self._trackers.values())

    @property
    def is_up_to_date(self) -> bool:
        """Whether everything that is complete is committed."""
        return not self._due(is_held=True)

    def tracker(self, partition: TopicPartition) -> OffsetTracker | None:
        """Return what is known of a partition, None when it is not this process's."""
        return self._trackers.get(partition)

    def begin(self, record: ConsumerRecord) -> bool:
        """Note a record that was read; False when an earlier owner has completed it."""
        partition = TopicPartition(record.topic, record.partition)
        self.trials.read(partition, record.offset)
        return self._trackers.setdefault(partition, OffsetTracker()).seen(record.offset)

    async def take_over(
        self, consumer: AIOKafkaConsumer, partitions: Collection[TopicPartition]
    ) -> None:
        """Start from what earlier owners committed, and commit that the partitions are held now."""
        known = await committed_progress(consumer, partitions)
        self.trials.suspect(known)
        self._trackers |= {partition: OffsetTracker(found) for partition, found in known.items()}
        await self.commit()

    async def commit(self, *, is_held: bool = True, seconds: float = COMMIT_TIMEOUT) -> bool:
        """Commit what changed; False when that failed, and is left to the next time."""
        found, consumer = self._due(is_held=is_held), self.consumer()
        if not found or consumer is None:
            return not found
        offsets = {partition: (said.position, said.note()) for partition, said in found.items()}
        try:
            async with asyncio.timeout(seconds):
                await consumer.commit(offsets)
        except (TimeoutError, KafkaError, IllegalStateError) as error:
            log.warning("offsets_not_committed", reason=type(error).__name__)
            return False
        for partition, progress in found.items():
            if partition in self._trackers:
                self._trackers[partition].committed(progress)
        return True

    async def let_go(self, partitions: Collection[TopicPartition]) -> None:
        """Commit, then drop the trackers: who finishes later has no offset to complete."""
        await self.commit(is_held=False, seconds=LAST_COMMIT_TIMEOUT)
        self.trials.forget(partitions)
        for partition in partitions:
            self._trackers.pop(partition, None)

    def _due(self, *, is_held: bool) -> dict[TopicPartition, Progress]:
        due = {
            partition: tracker.to_commit(is_held=is_held and self.trials.is_at_risk(partition))
            for partition, tracker in self._trackers.items()
        }
        return {partition: progress for partition, progress in due.items() if progress is not None}
