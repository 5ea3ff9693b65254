"""The servers of the test session do what they are for, and only for this machine."""

import asyncpg
import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import UnknownTopicOrPartitionError

from runtime.embedded import EmbeddedKafka, EmbeddedPostgres
from tests.fixtures.servers import fresh_database


@pytest.mark.asyncio
async def test_what_is_produced_is_consumed_by_a_group(kafka_server: EmbeddedKafka) -> None:
    servers = kafka_server.bootstrap_servers
    await _create_topic(servers, "together")
    producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all")
    await producer.start()
    await (await producer.send("together", b"hello", partition=1))
    await producer.stop()
    consumer = AIOKafkaConsumer(
        "together", bootstrap_servers=servers, group_id="together", auto_offset_reset="earliest"
    )
    await consumer.start()
    batches = await consumer.getmany(timeout_ms=10_000)
    await consumer.stop()
    records = [record for batch in batches.values() for record in batch]
    assert [(record.value, record.partition) for record in records] == [(b"hello", 1)]


@pytest.mark.asyncio
async def test_an_unknown_topic_is_not_created_by_asking_for_it(
    kafka_server: EmbeddedKafka,
) -> None:
    consumer = AIOKafkaConsumer(
        "never-created",
        bootstrap_servers=kafka_server.bootstrap_servers,
        group_id="asking",
        request_timeout_ms=500,
    )
    with pytest.raises(UnknownTopicOrPartitionError):
        await consumer.start()
    await consumer.stop()


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


@pytest.mark.asyncio
async def test_a_fresh_database_is_gone_after_use_even_while_connected(
    postgres_server: EmbeddedPostgres,
) -> None:
    with fresh_database(postgres_server.dsn) as dsn:
        forgotten = await asyncpg.connect(dsn)
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await asyncpg.connect(dsn)
    forgotten.terminate()


@pytest.mark.asyncio
async def test_the_owner_role_may_create_roles_but_is_no_superuser(
    postgres_server: EmbeddedPostgres,
) -> None:
    connection = await asyncpg.connect(postgres_server.dsn)
    row = await connection.fetchrow(
        "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles"
        " WHERE rolname = current_user"
    )
    await connection.close()
    assert row is not None
    assert tuple(row) == (False, False, True, True)


@pytest.mark.asyncio
async def test_a_wrong_password_is_refused(postgres_server: EmbeddedPostgres) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(postgres_server.dsn, password="guessed")


@pytest.mark.asyncio
async def test_commits_are_durable(postgres_server: EmbeddedPostgres) -> None:
    connection = await asyncpg.connect(postgres_server.dsn)
    names = ("fsync", "synchronous_commit", "full_page_writes")
    assert [await connection.fetchval(f"SHOW {name}") for name in names] == ["on"] * 3
    await connection.close()


def test_both_listen_on_loopback_only(
    kafka_server: EmbeddedKafka, postgres_server: EmbeddedPostgres
) -> None:
    for server in (kafka_server, postgres_server):
        sockets = psutil.Process(server.pid).net_connections(kind="inet")
        addresses = {s.laddr.ip for s in sockets if s.status == psutil.CONN_LISTEN}
        assert addresses == {"127.0.0.1"}


async def _create_topic(servers: str, name: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    await admin.create_topics([NewTopic(name, num_partitions=2, replication_factor=1)])
    await admin.close()
