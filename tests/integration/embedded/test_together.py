"""The session's servers do what they are for."""

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from runtime.embedded import EmbeddedKafka, EmbeddedPostgres
from tests.fixtures.servers import fresh_database


@pytest.mark.asyncio
async def test_what_is_produced_is_consumed(kafka_server: EmbeddedKafka) -> None:
    servers = kafka_server.bootstrap_servers
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    await admin.create_topics([NewTopic("together", num_partitions=2, replication_factor=1)])
    await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=servers, acks="all") as producer:
        await producer.send_and_wait("together", b"hello", partition=1)
    async with AIOKafkaConsumer(
        "together", bootstrap_servers=servers, group_id="together", auto_offset_reset="earliest"
    ) as consumer:
        record = await consumer.getone()
    assert (record.value, record.partition) == (b"hello", 1)


@pytest.mark.asyncio
async def test_a_fresh_database_stores_vectors(postgres_server: EmbeddedPostgres) -> None:
    with fresh_database(postgres_server.dsn) as dsn:
        connection = await asyncpg.connect(dsn)
        await connection.execute("CREATE TABLE points (place vector(2))")
        await connection.execute("INSERT INTO points VALUES ('[1,0]'), ('[0,1]')")
        nearest = await connection.fetchval(
            "SELECT place::text FROM points ORDER BY place <=> '[1,0.1]' LIMIT 1"
        )
        await connection.close()
    assert nearest == "[1,0]"
