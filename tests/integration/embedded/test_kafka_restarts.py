"""A Kafka keeps what it was given, whether it was stopped or killed."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from runtime.embedded import EmbeddedKafka

_TOPIC = "kept"


@pytest.mark.asyncio
@pytest.mark.usefixtures("kafka_server")  # by then the jars are in the cache
async def test_keeps_port_and_records_over_a_stop_and_a_kill_without_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy"):  # whoever tried to download would fail
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    folder = tmp_path / "with space, comma & ünïcode"
    async with EmbeddedKafka(folder, heap="256m") as first:
        address = first.bootstrap_servers
        await _create_topic(address)
        await _produce(address, b"one")

    second = EmbeddedKafka(folder, heap="256m")
    await second.start()
    assert second.bootstrap_servers == address
    await _produce(address, b"two")
    os.kill(second.pid, signal.SIGKILL)

    # The object that lost its server lets go of the folder when it is told to stop.
    await second.stop()
    async with EmbeddedKafka(folder, heap="256m") as third:
        assert third.bootstrap_servers == address
        assert await _consume(address, 2) == [b"one", b"two"]


async def _create_topic(servers: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    await admin.create_topics([NewTopic(_TOPIC, num_partitions=1, replication_factor=1)])
    await admin.close()


async def _produce(servers: str, value: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all")
    await producer.start()
    await (await producer.send(_TOPIC, value))
    await producer.stop()


async def _consume(servers: str, count: int) -> list[bytes | None]:
    consumer = AIOKafkaConsumer(_TOPIC, bootstrap_servers=servers, auto_offset_reset="earliest")
    await consumer.start()
    values: list[bytes | None] = []
    async with asyncio.timeout(10):
        while len(values) < count:
            batches = await consumer.getmany(timeout_ms=100)
            values += [record.value for batch in batches.values() for record in batch]
    await consumer.stop()
    return values
