"""Reading one partition from a known position, without a group."""

import asyncio
from collections.abc import AsyncIterator
from typing import Self

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from contracts.errors import BrokerUnavailable
from runtime.kafka.connection import KafkaConnection

START_SECONDS = 10.0
POLL_MS = 500


class TailReader:
    """Yields the records of one partition, from its end or from an offset.

    The position is known when ``__aenter__`` returns: nothing published after that is missed.
    Raises ``BrokerUnavailable`` when Kafka cannot be reached at the start.
    """

    def __init__(
        self, connection: KafkaConnection, topic: str, partition: int, *, offset: int | None = None
    ) -> None:
        self._partition = TopicPartition(topic, partition)
        self._offset = offset
        self._connection = connection
        self._consumer: AIOKafkaConsumer | None = None

    async def __aenter__(self) -> Self:
        """Connect and find the position."""
        consumer = AIOKafkaConsumer(
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=POLL_MS,
            **self._connection.options(),
        )
        try:
            async with asyncio.timeout(START_SECONDS):
                await consumer.start()
                await self._find_position(consumer)
        except (TimeoutError, KafkaError, OSError) as error:
            await consumer.stop()
            raise BrokerUnavailable from error
        except asyncio.CancelledError:
            await consumer.stop()
            raise
        self._consumer = consumer
        return self

    async def __aexit__(self, *_: object) -> None:
        """Disconnect."""
        if self._consumer is not None:
            await self._consumer.stop()

    async def __aiter__(self) -> AsyncIterator[ConsumerRecord]:
        """Yield records as they come, for ever; ``BrokerUnavailable`` when Kafka goes away."""
        if self._consumer is None:
            raise RuntimeError("TailReader is read outside of its context")
        while True:
            try:
                batches = await self._consumer.getmany(timeout_ms=POLL_MS)
            except (KafkaError, OSError) as error:
                raise BrokerUnavailable from error
            for record in batches.get(self._partition, []):
                yield record

    async def _find_position(self, consumer: AIOKafkaConsumer) -> None:
        consumer.assign([self._partition])
        if self._offset is None:
            await consumer.seek_to_end(self._partition)
        else:
            consumer.seek(self._partition, self._offset)
        await consumer.position(self._partition)
