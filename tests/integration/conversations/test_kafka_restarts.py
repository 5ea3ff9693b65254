"""A gateway goes on hearing when Kafka was away, and misses nothing of what was said since."""

import asyncio
import uuid
from pathlib import Path

import pytest

from contracts.conversations import TokensGenerated
from contracts.envelope import Outgoing
from contracts.ids import TenantId, TurnId, event_id
from contracts.topics import CHAT_DELTAS
from gateway.conversations.deltas import DeltaHub
from gateway.conversations.following import Following
from runtime.embedded import EmbeddedKafka
from runtime.kafka import KafkaConnection, Publisher, TopicAdmin
from store import Store

TURN = TurnId(uuid.UUID(int=1))


async def publish(connection: KafkaConnection, partition: int, sequence: int) -> None:
    publisher = Publisher(connection, client_id="test", acks=1)
    delta = TokensGenerated(turn_id=TURN, attempt=1, sequence=sequence, text="x")
    await publisher.publish(
        Outgoing(
            topic=CHAT_DELTAS,
            key=str(TURN),
            tenant_id=TenantId(uuid.UUID(int=2)),
            event=delta,
            event_id=event_id(sequence),
            partition=partition,
        )
    )
    await publisher.stop()


async def create_topic(connection: KafkaConnection) -> None:
    async with TopicAdmin(connection) as admin:
        await admin.apply([CHAT_DELTAS], replication=1, partitions_cap=None)


async def heard(following: Following) -> int:
    """Return the sequence of the next delta; that the turn has no row is of no interest here."""
    async with asyncio.timeout(40):
        while True:
            delta = await following.next()
            if delta is not None:
                return delta.sequence


@pytest.mark.asyncio
@pytest.mark.usefixtures("kafka_server")  # by then the jars are in the cache
async def test_a_hub_hears_again_after_kafka_was_away(store: Store, tmp_path: Path) -> None:
    kafka = EmbeddedKafka(tmp_path, heap="256m")
    await kafka.start()
    connection = KafkaConnection(servers=kafka.bootstrap_servers)
    await create_topic(connection)
    hub = DeltaHub(store, connection, CHAT_DELTAS.partitions, "a gateway")
    await hub.start()
    following = hub.follow(TURN)
    try:
        await publish(connection, hub.partition, 0)
        assert await heard(following) == 0
        await kafka.stop()
        await asyncio.sleep(1)
        await kafka.start()
        for sequence in (1, 2):
            await publish(connection, hub.partition, sequence)
        assert [await heard(following), await heard(following)] == [1, 2]
    finally:
        await hub.stop()
        await kafka.stop()
