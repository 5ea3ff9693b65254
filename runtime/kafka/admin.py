"""Topics are created here and nowhere else; lag and members of groups are read here."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.errors import (
    IllegalGenerationError,
    KafkaError,
    RebalanceInProgressError,
    UnknownMemberIdError,
    for_code,
)

from contracts.errors import BrokerUnavailable, Misconfigured
from contracts.topics import DAY, HOUR, Topic
from runtime.kafka.connection import KafkaConnection

REQUEST_SECONDS = 20.0
TOPIC_ALREADY_EXISTS = 36
#: Where a described group of the DescribeGroups response has its members.
GROUP_MEMBERS = 5
#: Time in which a tombstone can still be seen by a reader that lags (consumer groups, replays).
TOMBSTONES_KEPT_MS = 30 * DAY
MIN_COMPACTION_LAG_MS = HOUR


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a group is in a partition, in offsets; the same number twice where nothing waits."""

    #: The first record that is not completed, or would be if there were one.
    completed: int
    end: int


class GroupInUse(Exception):
    """A group has members, who would commit over what is set."""

    def __init__(self, group: str) -> None:
        super().__init__(f"The group {group} has members: stop its workers first.")
        self.group = group


class TopicAdmin:
    """Creates topics and reads the state of groups; ``BrokerUnavailable`` without Kafka."""

    def __init__(self, connection: KafkaConnection) -> None:
        self._connection = connection
        self._client: AIOKafkaAdminClient | None = None

    async def __aenter__(self) -> Self:
        """Connect."""
        client = AIOKafkaAdminClient(
            request_timeout_ms=int(REQUEST_SECONDS * 1000), **self._connection.options()
        )
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                await client.start()
        except (TimeoutError, KafkaError, OSError) as error:
            await client.close()
            raise BrokerUnavailable from error
        except asyncio.CancelledError:
            await client.close()
            raise
        self._client = client
        return self

    async def __aexit__(self, *_: object) -> None:
        """Disconnect."""
        if self._client is not None:
            await self._client.close()

    async def apply(
        self, topics: Iterable[Topic], *, replication: int, partitions_cap: int | None
    ) -> list[str]:
        """Create what is missing and return its names; the topics that exist are not touched.

        Raises ``Misconfigured`` where a compacted topic has another partition count: its keys
        would change their partition, so the count is decided once.
        """
        wanted = {topic.name: (topic, _partitions(topic, partitions_cap)) for topic in topics}
        existing = await self.partition_counts(list(wanted))
        for name, (topic, count) in wanted.items():
            _check_count(topic, existing.get(name), count)
        missing = [
            _new_topic(topic, count, replication)
            for name, (topic, count) in wanted.items()
            if name not in existing
        ]
        if missing:
            await self._create(missing)
        await self._grow(wanted, existing)
        return [name for name in wanted if name not in existing]

    async def partition_counts(self, topics: list[str]) -> dict[str, int]:
        """Return the partition count of each of these topics that exists."""
        described = await self._ask(self._open.describe_topics(topics))
        return {
            topic["topic"]: len(topic["partitions"])
            for topic in described
            if not topic["error_code"]
        }

    async def lag(self, group: str, topic: str) -> dict[int, int]:
        """Return for each partition how many records the group has not completed.

        Empty where the topic does not exist.
        """
        progress = await self.progress(group, topic)
        return {partition: found.end - found.completed for partition, found in progress.items()}

    async def progress(self, group: str, topic: str) -> dict[int, Progress]:
        """Return for each partition how far the group is; what has expired counts as completed.

        Empty where the topic does not exist.
        """
        counts = await self.partition_counts([topic])
        partitions = [TopicPartition(topic, number) for number in range(counts.get(topic, 0))]
        if not partitions:
            return {}
        committed = await self._ask(
            self._open.list_consumer_group_offsets(group, partitions=partitions)
        )
        first, end = await self._bounds(partitions)
        return {
            partition.partition: Progress(
                max(
                    committed[partition].offset if partition in committed else -1,
                    first[partition],
                ),
                end[partition],
            )
            for partition in partitions
        }

    async def ends(self, topic: str) -> dict[int, int]:
        """Return for each partition the offset of the next record; empty without the topic."""
        counts = await self.partition_counts([topic])
        partitions = [TopicPartition(topic, number) for number in range(counts.get(topic, 0))]
        if not partitions:
            return {}
        _, end = await self._bounds(partitions)
        return {partition.partition: end[partition] for partition in partitions}

    async def bounds(self, topic: str) -> dict[int, tuple[int, int]]:
        """Return for each partition its first offset and its end; empty without the topic."""
        counts = await self.partition_counts([topic])
        partitions = [TopicPartition(topic, number) for number in range(counts.get(topic, 0))]
        if not partitions:
            return {}
        first, end = await self._bounds(partitions)
        return {one.partition: (first[one], end[one]) for one in partitions}

    async def offsets_at(self, topic: str, moment: datetime) -> dict[int, int]:
        """Return for each partition the first record stamped then or later, or its end."""
        bounds = await self.bounds(topic)
        # Kafka knows no time before 1970, and no record is older.
        stamp = max(0, int(moment.timestamp() * 1000))
        wanted = {TopicPartition(topic, number): stamp for number in bounds}
        if not wanted:
            return {}
        async with self._consumer() as consumer:
            found = await self._ask(consumer.offsets_for_times(wanted))
        return {
            one.partition: at.offset if (at := found.get(one)) else bounds[one.partition][1]
            for one in wanted
        }

    async def reset(self, group: str, topic: str, offsets: Mapping[int, int]) -> None:
        """Let a group without members go on from these offsets.

        Raises ``GroupInUse`` when it has members: they would commit over it.
        """
        if await self.members(group):
            raise GroupInUse(group)
        places = {TopicPartition(topic, number): offset for number, offset in offsets.items()}
        async with self._consumer(group) as consumer:
            consumer.assign(set(places))
            try:
                async with asyncio.timeout(REQUEST_SECONDS):
                    await consumer.commit(places)
            except (
                UnknownMemberIdError,
                IllegalGenerationError,
                RebalanceInProgressError,
            ) as error:
                raise GroupInUse(group) from error
            except (TimeoutError, KafkaError, OSError) as error:
                raise BrokerUnavailable from error

    async def delete(self, topics: list[str]) -> None:
        """Delete topics with all that is in them; those that do not exist are gone already."""
        found = list(await self.partition_counts(topics))
        if found:
            await self._ask(self._open.delete_topics(found))

    async def members(self, group: str) -> int:
        """Return how many processes read in this group now."""
        [response] = await self._ask(self._open.describe_consumer_groups([group]))
        return sum(len(described[GROUP_MEMBERS]) for described in response.groups)

    @property
    def _open(self) -> AIOKafkaAdminClient:
        if self._client is None:
            raise RuntimeError("TopicAdmin is used outside of its context")
        return self._client

    async def _create(self, missing: list[NewTopic]) -> None:
        response = await self._ask(self._open.create_topics(missing))
        for name, code, *_ in response.topic_errors:
            if code not in {0, TOPIC_ALREADY_EXISTS}:
                raise Misconfigured(f"Topic {name} cannot be created: {for_code(code).__name__}.")

    async def _grow(self, wanted: dict[str, tuple[Topic, int]], existing: dict[str, int]) -> None:
        more = {
            name: NewPartitions(count)
            for name, (topic, count) in wanted.items()
            if topic.cleanup == "delete" and existing.get(name, count) < count
        }
        if more:
            await self._ask(self._open.create_partitions(more))

    async def _bounds(
        self, partitions: list[TopicPartition]
    ) -> tuple[dict[TopicPartition, int], dict[TopicPartition, int]]:
        async with self._consumer() as consumer:
            first = await self._ask(consumer.beginning_offsets(partitions))
            return first, await self._ask(consumer.end_offsets(partitions))

    @asynccontextmanager
    async def _consumer(self, group: str | None = None) -> AsyncGenerator[AIOKafkaConsumer]:
        consumer = AIOKafkaConsumer(
            group_id=group, enable_auto_commit=False, **self._connection.options()
        )
        try:
            await self._ask(consumer.start())
            # Its tasks begin: one that is cancelled before would cancel who stops it, too.
            await asyncio.sleep(0)
            yield consumer
        finally:
            await consumer.stop()

    async def _ask(self, request: Any) -> Any:
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                return await request
        except (TimeoutError, KafkaError, OSError) as error:
            raise BrokerUnavailable from error


def _partitions(topic: Topic, cap: int | None) -> int:
    return min(topic.partitions, cap) if cap and topic.scalable else topic.partitions


def _check_count(topic: Topic, existing: int | None, wanted: int) -> None:
    if existing is not None and topic.cleanup == "compact" and existing != wanted:
        raise Misconfigured(
            f"Topic {topic.name} has {existing} partitions and {wanted} are asked for; a "
            f"compacted topic keeps its count. Set KAFKA_PARTITIONS={existing}."
        )


def _new_topic(topic: Topic, partitions: int, replication: int) -> NewTopic:
    configs = {"cleanup.policy": topic.cleanup, "min.insync.replicas": str(min(2, replication))}
    if topic.stamped_by_broker:
        configs["message.timestamp.type"] = "LogAppendTime"
    if topic.cleanup == "compact":
        configs["min.compaction.lag.ms"] = str(MIN_COMPACTION_LAG_MS)
        configs["delete.retention.ms"] = str(TOMBSTONES_KEPT_MS)
    else:
        configs["retention.ms"] = str(topic.retention_ms)
    return NewTopic(topic.name, partitions, replication, topic_configs=configs)
