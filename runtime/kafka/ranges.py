"""Reading a range of a partition, which may have holes (compaction), without a group."""

import asyncio
from collections.abc import AsyncIterator
from typing import Self

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from contracts.errors import BrokerUnavailable
from runtime.kafka.connection import KafkaConnection

POLL_MS = 500
REQUEST_SECONDS = 10.0
#: Records that are handed over at once.
BATCH = 500


class RangeReader:
    """Reads ranges of partitions, one after the other; raises ``BrokerUnavailable``."""

    def __init__(self, connection: KafkaConnection) -> None:
        self._connection = connection
        self._consumer: AIOKafkaConsumer | None = None

    async def __aenter__(self) -> Self:
        """Connect."""
        consumer = AIOKafkaConsumer(
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=POLL_MS,
            **self._connection.options(),
        )
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                await consumer.start()
                # Its tasks begin: one that is cancelled before would cancel who stops it, too.
                await asyncio.sleep(0)
        except (TimeoutError, KafkaError, OSError) as error:
            await consumer.stop()
            raise BrokerUnavailable from error
        self._consumer = consumer
        return self

    async def __aexit__(self, *_: object) -> None:
        """Disconnect."""
        if self._consumer is not None:
            await self._consumer.stop()

    async def read(
        self, topic: str, partition: int, first: int, end: int
    ) -> AsyncIterator[tuple[list[ConsumerRecord], int]]:
        """Yield records in their order, with the position behind them, up to ``end``.

        What has expired or was compacted away is not there; a portion may be empty.
        """
        if self._consumer is None:
            raise RuntimeError("RangeReader is used outside of its context")
        place = TopicPartition(topic, partition)
        self._consumer.assign([place])
        self._consumer.seek(place, first)
        position = first
        while position < end:
            try:
                async with asyncio.timeout(REQUEST_SECONDS):
                    found = await self._consumer.getmany(
                        place, timeout_ms=POLL_MS, max_records=BATCH
                    )
                    # It moves over holes, also over one at the end.
                    position = await self._consumer.position(place)
            except (TimeoutError, KafkaError, OSError) as error:
                raise BrokerUnavailable from error
            yield [one for one in found.get(place, []) if one.offset < end], min(position, end)
