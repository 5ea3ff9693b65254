"""Everything that is in a topic now."""

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from runtime.kafka import KafkaConnection, TopicAdmin


async def read_all(connection: KafkaConnection, *topics: str) -> list[ConsumerRecord]:
    """Return all records of these topics, in order per partition."""
    async with TopicAdmin(connection) as admin:
        counts = await admin.partition_counts(list(topics))
    partitions = [TopicPartition(topic, at) for topic in topics for at in range(counts[topic])]
    consumer = AIOKafkaConsumer(auto_offset_reset="earliest", **connection.options())
    await consumer.start()
    try:
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        found: list[ConsumerRecord] = []
        while any([await consumer.position(at) < end for at, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=500)).values():
                found += records
        return found
    finally:
        await consumer.stop()
