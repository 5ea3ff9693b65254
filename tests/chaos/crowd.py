"""Records for scripted workers, sent at once, and what became of them."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import asyncpg
import msgspec

from contracts.codec import encode
from runtime.kafka import KafkaConnection, Publisher, TopicAdmin
from tests.chaos.reading import read_all
from tests.chaos.script import SCHEMA, Script, Spec, answer, topics_of

PARTITIONS = 6
#: Sent before the ones before them are acknowledged.
BATCH = 1000
#: How a record begins that cannot be decoded; its number follows.
_BROKEN = b"\xff"


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


async def send(spec: Spec, keys: Sequence[int]) -> None:
    """Publish a record for each of these keys, in order per key; their numbers are from 0."""
    topic = topics_of(spec.name, partitions=PARTITIONS)[0]
    publisher = Publisher(KafkaConnection(servers=spec.servers), client_id="crowd")
    try:
        for start in range(0, len(keys), BATCH):
            acks = [
                await publisher.enqueue(
                    topic=topic.name, key=str(key), value=_value(spec, number, key), headers={}
                )
                for number, key in enumerate(keys[start : start + BATCH], start)
            ]
            await asyncio.gather(*acks)
    finally:
        await publisher.stop()


def _value(spec: Spec, number: int, key: int) -> bytes:
    if spec.script(number) is Script.broken:
        return _BROKEN + str(number).encode()
    return encode(answer(number, key))


async def read(spec: Spec, topic: str) -> list[int]:
    """Return the numbers of all records that a topic of theirs holds, broken ones, too."""
    records = await read_all(KafkaConnection(servers=spec.servers), topic)
    return [_number(record.value or b"") for record in records]


def _number(value: bytes) -> int:
    if value.startswith(_BROKEN):
        return int(value.removeprefix(_BROKEN))
    return int(msgspec.json.decode(value)["generation"])


def executions(spec: Spec, what: str) -> Counter[int]:
    """Return how often each record's execution has ``begun``, or is ``done``."""
    log = Path(spec.log)
    lines = log.read_text(encoding="ascii").splitlines() if log.exists() else []
    split = [line.split() for line in lines]
    return Counter(int(words[1]) for words in split if words[0] == what)
