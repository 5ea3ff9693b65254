"""A publisher whose broker stops answering ends all the same, and leaves nothing at work."""

import asyncio
import os
import signal
import socket
import time
import uuid
from collections.abc import Generator
from contextlib import contextmanager

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from contracts.errors import BrokerUnavailable, EventTooLarge
from contracts.topics import HOUR, Topic
from runtime.embedded import EmbeddedKafka
from runtime.kafka import KafkaConnection, Publisher, TailReader, TopicAdmin
from runtime.kafka.publisher import MAX_REQUEST_BYTES

pytestmark = pytest.mark.asyncio


@contextmanager
def halted(pid: int) -> Generator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def others(*, seconds: float = 3) -> set[asyncio.Task[object]]:
    """Return the tasks that run beside the test's own, once those that end have ended."""
    itself = asyncio.current_task()
    for _ in range(round(seconds / 0.1)):
        if not any(task is not itself for task in asyncio.all_tasks()):
            break
        await asyncio.sleep(0.1)
    return {task for task in asyncio.all_tasks() if task is not itself}


async def test_a_producer_that_cannot_flush_does_not_go_on_sending(
    kafka_server: EmbeddedKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = KafkaConnection(servers=kafka_server.bootstrap_servers)
    topic = Topic(
        name=f"test.{uuid.uuid4().hex}",
        key="any",
        partitions=1,
        cleanup="delete",
        retention_ms=HOUR,
        owner="test",
        consumers=(),
        events=(),
    )
    async with TopicAdmin(connection) as admin:
        await admin.apply([topic], replication=1, partitions_cap=None)
    publisher = Publisher(connection, client_id="test")
    await publisher.publish_raw(topic=topic.name, key="k", value=b"1", headers={})
    monkeypatch.setattr("runtime.kafka.publisher.SEND_SECONDS", 1.0)
    with halted(kafka_server.pid):
        with pytest.raises(BrokerUnavailable):
            await publisher.publish_raw(topic=topic.name, key="k", value=b"2", headers={})
        await publisher.stop()
        assert await others() == set()


async def test_a_connection_attempt_that_is_broken_off_leaves_nothing() -> None:
    with socket.socket() as silent:  # accepts, and says nothing
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        servers = f"127.0.0.1:{silent.getsockname()[1]}"
        publisher = Publisher(KafkaConnection(servers=servers), client_id="test")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await publisher.check()
        assert await others() == set()
    await publisher.stop()


async def test_an_admin_or_reader_that_is_broken_off_while_it_connects_leaves_nothing() -> None:
    with socket.socket() as silent:  # accepts, and says nothing
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        connection = KafkaConnection(servers=f"127.0.0.1:{silent.getsockname()[1]}")
        for client in (TopicAdmin(connection), TailReader(connection, "topic", 0)):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.5), client:
                    pass
        assert await others() == set()


async def test_who_waits_for_anothers_connection_waits_no_longer_than_for_an_own_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("runtime.kafka.publisher.SEND_SECONDS", 0.5)
    with socket.socket() as silent:  # accepts, and says nothing
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        servers = f"127.0.0.1:{silent.getsockname()[1]}"
        publisher = Publisher(KafkaConnection(servers=servers), client_id="test")
        began = time.monotonic()
        found = await asyncio.gather(
            *(publisher.check() for _ in range(20)), return_exceptions=True
        )
        assert {type(error) for error in found} == {BrokerUnavailable}
        assert time.monotonic() - began < 20 * 0.5
        assert await others() == set()
    await publisher.stop()


async def test_a_record_that_the_broker_does_not_take_is_refused_and_the_next_one_is_not(
    kafka_server: EmbeddedKafka,
) -> None:
    connection = KafkaConnection(servers=kafka_server.bootstrap_servers)
    name = f"test.{uuid.uuid4().hex}"
    admin = AIOKafkaAdminClient(**connection.options())
    await admin.start()
    await admin.create_topics([NewTopic(name, 1, 1, topic_configs={"max.message.bytes": "50000"})])
    await admin.close()
    publisher = Publisher(connection, client_id="test")
    await publisher.check()
    for size in (100_000, 2 * MAX_REQUEST_BYTES):
        with pytest.raises(EventTooLarge):
            await publisher.publish_raw(topic=name, key="k", value=bytes(size), headers={})
    placed = await publisher.publish_raw(topic=name, key="k", value=b"1", headers={})
    assert placed.offset == 0
    await publisher.stop()
