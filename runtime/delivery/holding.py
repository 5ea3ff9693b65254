"""Records that must wait: a partition is held at the first record that is not due yet."""

from collections.abc import Collection, Mapping, Sequence

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from runtime.clock import Clock


class Holding:
    """Holds partitions of delayed topics; a record is due its topic's delay after its stamp.

    The stamps are the broker's (``LogAppendTime``), so the machine's clock must keep to it.
    """

    def __init__(self, delays: Mapping[str, int], clock: Clock) -> None:
        self._delays = delays
        self._clock = clock
        self._until: dict[TopicPartition, float] = {}

    def due(
        self,
        consumer: AIOKafkaConsumer,
        partition: TopicPartition,
        records: Sequence[ConsumerRecord],
    ) -> Sequence[ConsumerRecord]:
        """Return the records that are due; the others are read again when they are."""
        delay = self._delays.get(partition.topic)
        if delay is None:
            return records
        for number, record in enumerate(records):
            until = record.timestamp / 1000 + delay
            if until > self._clock.now().timestamp():
                self._until[partition] = until
                consumer.pause(partition)
                consumer.seek(partition, record.offset)
                return records[:number]
        return records

    def release(self, consumer: AIOKafkaConsumer) -> None:
        """Resume the partitions whose record is due by now."""
        now = self._clock.now().timestamp()
        for partition in [held for held, until in self._until.items() if until <= now]:
            del self._until[partition]
            if partition in consumer.assignment():
                consumer.resume(partition)

    def holds(self, partition: TopicPartition) -> bool:
        """Tell whether the partition waits for a record to become due."""
        return partition in self._until

    def forget(self, partitions: Collection[TopicPartition]) -> None:
        """Drop what is known of partitions that are taken away."""
        for partition in partitions:
            self._until.pop(partition, None)
