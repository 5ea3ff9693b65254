"""Records that may be what kills their worker: tried alone, and given up when it dies again.

A record that blocks the event loop, or takes all memory, ends the process before anything could be
counted in it. But the next owner of the partition learns that the last one died while the record
was the first open one.
"""

from collections.abc import Collection, Mapping

import structlog
from aiokafka import ConsumerRecord, TopicPartition

from runtime.delivery.failures import Failure
from runtime.delivery.progress import Progress

log = structlog.get_logger(__name__)

#: After so many deaths in a row at one record it is tried alone: then it is known whether it is it.
SUSPICIOUS_DEATHS = 3
#: After so many it is not tried any more.
MOST_DEATHS = 6

ENDS_ITS_WORKER = Failure(
    "ends_its_worker",
    f"The work was given up, because the process that did it ended {MOST_DEATHS} times in a row.",
)


class Trials:
    """The suspicious records of a process; one at a time is on trial, once it was read."""

    def __init__(self) -> None:
        self._suspects: dict[TopicPartition, Progress] = {}
        self._present: set[TopicPartition] = set()

    def suspect(self, known: Mapping[TopicPartition, Progress]) -> None:
        """Take up those partitions at whose first open record owners keep dying."""
        for partition, progress in known.items():
            if progress.deaths >= SUSPICIOUS_DEATHS:
                self._suspects[partition] = progress
                log.warning(
                    "record_suspected",
                    topic=partition.topic,
                    partition=partition.partition,
                    offset=progress.position,
                    deaths=progress.deaths,
                )

    def read(self, partition: TopicPartition, offset: int) -> None:
        """Say which record of a partition comes first; the suspicious one may be gone."""
        found = self._suspects.get(partition)
        if found is not None and offset == found.position:
            self._present.add(partition)
        elif found is not None and offset > found.position and partition not in self._present:
            self.forget([partition])

    def ended(self, partition: TopicPartition, offset: int) -> None:
        """Say that a record came to an end; a suspicious one is cleared by it."""
        found = self._suspects.get(partition)
        if found is not None and offset == found.position:
            self.forget([partition])

    def forget(self, partitions: Collection[TopicPartition]) -> None:
        """Drop partitions that are taken away."""
        for partition in partitions:
            self._suspects.pop(partition, None)
            self._present.discard(partition)

    def is_at_risk(self, partition: TopicPartition) -> bool:
        """Tell whether the partition's first open record may be in work, so that a death counts."""
        return not self._present or partition == min(self._present)

    def admits(self, record: ConsumerRecord, *, is_alone: bool) -> bool:
        """Tell whether the record may begin now; ``is_alone`` where nothing else is in work."""
        if not self._present:
            return True
        on_trial = min(self._present)
        return is_alone and _place(record) == (on_trial, self._suspects[on_trial].position)

    def verdict(self, record: ConsumerRecord) -> Failure | None:
        """Return why the record must not be tried again, None where it may."""
        partition, offset = _place(record)
        found = self._suspects.get(partition)
        if found is None or found.position != offset or found.deaths < MOST_DEATHS:
            return None
        return ENDS_ITS_WORKER


def _place(record: ConsumerRecord) -> tuple[TopicPartition, int]:
    return TopicPartition(record.topic, record.partition), record.offset
