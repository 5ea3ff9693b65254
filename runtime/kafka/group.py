"""Reading whole topics in the name of a group, by one process at a time."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Self, TypeVar

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from contracts.errors import BrokerUnavailable
from runtime.kafka.admin import TopicAdmin
from runtime.kafka.connection import KafkaConnection

T = TypeVar("T")

POLL_MS = 500
REQUEST_SECONDS = 10.0


class GroupReader:
    """Reads every partition of some topics, from where the group has committed.

    The partitions are taken, not assigned by the broker: who comes after a reader that died need
    not wait for its session to end. Two at once read the same records. Every method raises
    ``BrokerUnavailable``; what was read and not committed is read again by the next reader.
    """

    def __init__(self, connection: KafkaConnection, group: str, topics: Sequence[str]) -> None:
        self._connection = connection
        self._group = group
        self._topics = topics
        self._consumer: AIOKafkaConsumer | None = None

    async def __aenter__(self) -> Self:
        """Connect, and take the partitions that there are now."""
        partitions = await self._partitions()
        consumer = AIOKafkaConsumer(
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=POLL_MS,
            **self._connection.options(),
        )
        try:
            await _in_time(consumer.start())
        except BaseException:
            await consumer.stop()
            raise
        consumer.assign(partitions)
        self._consumer = consumer
        return self

    async def __aexit__(self, *_: object) -> None:
        """Disconnect; nothing is committed."""
        if self._consumer is not None:
            await self._consumer.stop()

    async def read(self, *, limit: int) -> list[ConsumerRecord]:
        """Return the next records, in order per partition; none when none came within 0.5 s."""
        batches = await _in_time(self._open.getmany(timeout_ms=POLL_MS, max_records=limit))
        return [record for records in batches.values() for record in records]

    async def commit(self) -> None:
        """Commit everything that was read."""
        await _in_time(self._open.commit())

    @property
    def _open(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            raise RuntimeError("GroupReader is used outside of its context")
        return self._consumer

    async def _partitions(self) -> list[TopicPartition]:
        async with TopicAdmin(self._connection) as admin:
            counts = await admin.partition_counts(list(self._topics))
        if not counts:
            raise BrokerUnavailable("Topics are missing: run `ragline topics apply`.")
        return [
            TopicPartition(topic, number)
            for topic, count in counts.items()
            for number in range(count)
        ]


async def _in_time(request: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(REQUEST_SECONDS):
            return await request
    except (TimeoutError, KafkaError, OSError) as error:
        raise BrokerUnavailable from error
