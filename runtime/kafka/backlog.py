"""What groups have still to do: how many records of each topic, and since when the oldest waits."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from contracts.errors import BrokerUnavailable
from runtime.kafka.admin import TopicAdmin
from runtime.kafka.connection import KafkaConnection

#: How long the oldest records are waited for; what has not come then is not known.
READ_SECONDS = 3.0
_POLL_MS = 300


@dataclass(frozen=True, kw_only=True)
class Backlog:
    """The records of one topic that a group has not completed."""

    group: str
    topic: str
    lag: int
    #: When the oldest of them was written; None where there is none, or it could not be read.
    oldest_at: datetime | None


async def read_backlogs(
    connection: KafkaConnection, groups: Mapping[str, Sequence[str]]
) -> list[Backlog]:
    """Return the backlog of each of these groups in each of its topics.

    Raises ``BrokerUnavailable``. A topic that does not exist has none.
    """
    wanted = [(group, topic) for group, topics in groups.items() for topic in topics]
    async with TopicAdmin(connection) as admin:
        found = await asyncio.gather(*(admin.progress(group, topic) for group, topic in wanted))
    # The offset of the oldest of each partition; two groups may be at different places.
    behind = {
        (group, TopicPartition(topic, partition)): progress.completed
        for (group, topic), partitions in zip(wanted, found, strict=True)
        for partition, progress in partitions.items()
        if progress.end > progress.completed
    }
    written = await _written_at(connection, behind)
    return [
        Backlog(
            group=group,
            topic=topic,
            lag=sum(one.end - one.completed for one in partitions.values()),
            oldest_at=min(
                (
                    at
                    for (whose, where), at in written.items()
                    if whose == group and where.topic == topic
                ),
                default=None,
            ),
        )
        for (group, topic), partitions in zip(wanted, found, strict=True)
    ]


async def _written_at(
    connection: KafkaConnection, positions: Mapping[tuple[str, TopicPartition], int]
) -> dict[tuple[str, TopicPartition], datetime]:
    """Return when the record at each position was written, as far as it comes in time."""
    if not positions:
        return {}
    # One record a partition is enough: a fetch brings at least that, however large it is.
    consumer = AIOKafkaConsumer(
        group_id=None,
        enable_auto_commit=False,
        max_partition_fetch_bytes=1,
        fetch_max_wait_ms=_POLL_MS,
        **connection.options(),
    )
    try:
        async with asyncio.timeout(READ_SECONDS * 2):
            await consumer.start()
            consumer.assign({where for _, where in positions})
            times = await _read(consumer, {where: at for (_, where), at in positions.items()})
    except (TimeoutError, KafkaError, OSError) as error:
        raise BrokerUnavailable from error
    finally:
        await consumer.stop()
    return {(group, where): times[where] for group, where in positions if where in times}


async def _read(
    consumer: AIOKafkaConsumer, positions: Mapping[TopicPartition, int]
) -> dict[TopicPartition, datetime]:
    for where, offset in positions.items():
        consumer.seek(where, offset)
    times: dict[TopicPartition, datetime] = {}
    until = asyncio.get_running_loop().time() + READ_SECONDS
    while len(times) < len(positions) and asyncio.get_running_loop().time() < until:
        for where, records in (await consumer.getmany(timeout_ms=_POLL_MS)).items():
            consumer.pause(where)
            if records:
                written = records[0].timestamp / 1000
                times.setdefault(where, datetime.fromtimestamp(written, UTC))
    return times
