"""Whether the workers have completed every record that was there at some moment."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from contracts.topics import (
    INPUTS,
    REPLAYED,
    WorkerName,
    replay_topic,
    retry_group,
    retry_topics,
)
from runtime.kafka import KafkaConnection, Progress, TopicAdmin

#: The workers that a document goes through.
DOCUMENT_WORKERS: tuple[WorkerName, ...] = ("parser", "chunker", "embedder")


def readings(worker: WorkerName) -> Sequence[tuple[str, str]]:
    """Return what a worker reads, as pairs of group and topic."""
    replays = [replay_topic(worker)] if worker in REPLAYED else []
    again = [*retry_topics(worker), *replays]
    retries = [(retry_group(worker), topic) for topic in again]
    return [(worker, INPUTS[worker].name), *retries]


#: A partition as one group reads it: group, topic and number.
Place = tuple[str, str, int]


class FirstSeen:
    """What was in Kafka when each of some things was first seen to stand still."""

    def __init__(self) -> None:
        self._seen: dict[str, Seen] = {}

    def unknown(self, names: Iterable[str]) -> list[str]:
        """Return those that were not seen before."""
        return [name for name in names if name not in self._seen]

    def note(self, names: Iterable[str], now: "Seen | None") -> list[str]:
        """Remember these and forget all others; return those whose records are all completed.

        ``now`` is what is in Kafka, None when there is no name.
        """
        self._seen = {} if now is None else {name: self._seen.get(name, now) for name in names}
        return [name for name, then in self._seen.items() if now and then.is_behind(now)]


@dataclass(frozen=True)
class Seen:
    """How far each group was in each partition when somebody looked."""

    places: Mapping[Place, Progress]

    def is_behind(self, later: "Seen") -> bool:
        """Say whether all records that were there now are completed ``later``.

        A partition that was made anew and counts from 0 again holds none of them.
        """
        return all(
            now.completed >= min(then.end, now.end)
            for place, then in self.places.items()
            if (now := later.places.get(place)) is not None
        )


async def look(connection: KafkaConnection, workers: Iterable[WorkerName]) -> Seen:
    """Look at everything that these workers read; ``BrokerUnavailable`` without Kafka."""
    read = [reading for worker in workers for reading in readings(worker)]
    async with TopicAdmin(connection) as admin:
        found = await asyncio.gather(*(admin.progress(group, topic) for group, topic in read))
    return Seen(
        {
            (group, topic, number): progress
            for (group, topic), partitions in zip(read, found, strict=True)
            for number, progress in partitions.items()
        }
    )
