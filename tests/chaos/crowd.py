"""Records for scripted workers, sent at once, and what became of them."""

import asyncio
from collections import Counter
from pathlib import Path

import asyncpg

from contracts.codec import encode
from runtime.kafka import KafkaConnection, Publisher, TopicAdmin
from tests.chaos.scripted import SCHEMA, Spec, answer, topics_of

PARTITIONS = 6


async def prepare(spec: Spec) -> None:
    """Create the topics and tables of the workers."""
    async with TopicAdmin(KafkaConnection(servers=spec.servers)) as admin:
        topics = topics_of(spec.name, partitions=PARTITIONS)
        await admin.apply(topics, replication=1, partitions_cap=None)
    connection = await asyncpg.connect(spec.dsn)
    try:
        await connection.execute(SCHEMA)
    finally:
        await connection.close()


async def send(spec: Spec, records: int, *, keys: int) -> None:
    """Publish so many records, in order per key."""
    topic = topics_of(spec.name, partitions=PARTITIONS)[0]
    publisher = Publisher(KafkaConnection(servers=spec.servers), client_id="crowd")
    try:
        acks = [
            await publisher.enqueue(
                topic=topic.name,
                key=str(number % keys),
                value=encode(answer(number, number % keys)),
                headers={},
            )
            for number in range(records)
        ]
        await asyncio.gather(*acks)
    finally:
        await publisher.stop()


def executions(spec: Spec, what: str) -> Counter[int]:
    """Return how often each record's execution has ``begun``, or is ``done``."""
    log = Path(spec.log)
    lines = log.read_text(encoding="ascii").splitlines() if log.exists() else []
    split = [line.split() for line in lines]
    return Counter(int(words[1]) for words in split if words[0] == what)
