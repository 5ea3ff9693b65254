import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer

from cli.checks.kafka import check_kafka
from cli.local.secrets import write_private
from contracts.topics import TOPICS
from runtime.embedded import EmbeddedKafka, EmbeddedPostgres
from runtime.kafka import KafkaConnection, Publisher, TopicAdmin
from runtime.settings import Settings
from store import Store
from tests.fixtures.scripted_api import Refusal, ScriptedApi
from tests.fixtures.servers import fresh_database
from tests.integration.cli.conftest import Ragline
from tests.integration.store.test_dead_letters import a_record

Found = dict[str, tuple[str, str]]
INDEX = {"EMBEDDING_MODEL": "test-8", "OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedKafka]:
    """A Kafka that nobody else makes topics on."""
    server = EmbeddedKafka(tmp_path_factory.mktemp("kafka"))
    asyncio.run(server.start())
    yield server
    asyncio.run(server.stop())


@asynccontextmanager
async def reading(kafka: EmbeddedKafka, group: str, topic: str) -> AsyncGenerator[None]:
    """Be a member of a group, as a worker is."""
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=kafka.bootstrap_servers, group_id=group, enable_auto_commit=False
    )
    await consumer.start()
    try:
        while not consumer.assignment():
            await consumer.getmany(timeout_ms=100)
        yield
    finally:
        await consumer.stop()


async def publish(kafka: EmbeddedKafka, topic: str, records: int) -> None:
    async with asyncio.timeout(30):
        publisher = Publisher(KafkaConnection(servers=kafka.bootstrap_servers), client_id="test")
        await publisher.start()
        for number in range(records):
            await publisher.publish_raw(topic=topic, key=str(number), value=b"x", headers={})
        await publisher.stop()


async def apply_topics(kafka: EmbeddedKafka, cap: int) -> None:
    async with TopicAdmin(KafkaConnection(servers=kafka.bootstrap_servers)) as admin:
        await admin.apply(TOPICS, replication=1, partitions_cap=cap)


def examined(ragline: Ragline, *arguments: str, status: int) -> Found:
    result = ragline("doctor", "--json", *arguments)
    assert result.exit_code == status, result.output
    assert result.stderr == ""
    checks = json.loads(result.stdout)["checks"]
    return {check["name"]: (check["state"], check["message"]) for check in checks}


def states(found: Found) -> dict[str, str]:
    return {name: state for name, (state, _) in found.items()}


def test_works_when_nothing_runs(ragline: Ragline) -> None:
    found = examined(ragline, "--url", "http://127.0.0.1:1", status=1)

    assert states(found) == {
        "settings": "ok",
        "database": "missing",
        "kafka": "missing",
        "blobs": "missing",
        "gateway": "missing",
        "rate limits": "ok",
        "parsing": "ok",
        "embedding": "ok",
        "answering": "ok",
        "java": "ok",
        "postgresql": "ok",
        "disk": "ok",
    }
    assert "ragline up" in found["database"][1]


def test_prints_a_line_for_each_check(ragline: Ragline) -> None:
    result = ragline("doctor", "--url", "http://127.0.0.1:1")

    assert (result.exit_code, result.stderr) == (1, "")
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["ok", "settings", "Valid;", "ENVIRONMENT=development."]
    assert all(line.split()[0] in {"ok", "warn", "missing"} for line in lines)


def test_a_wrong_setting_is_a_finding(ragline: Ragline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_CHUNKS", "many")

    found = examined(ragline, status=1)

    assert states(found) == {"settings": "missing"}
    assert found["settings"][1].startswith("MAX_CHUNKS is wrong")


@pytest.mark.parametrize("password", ["s3cret", "s3#cret"])
def test_shows_no_secret_of_servers_that_do_not_answer(
    ragline: Ragline, monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://ada:{password}@127.0.0.1:1/rag")
    monkeypatch.setenv("REDIS_URL", f"redis://:{password}@127.0.0.1:1/0")
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-s3cret")
    monkeypatch.setenv("BLOB_URL", "file:///nowhere/at/all")

    found = examined(ragline, "--url", "http://127.0.0.1:1", status=1)

    assert "s3" not in json.dumps(found)
    assert {name: found[name][0] for name in ("database", "rate limits", "kafka", "blobs")} == {
        "database": "missing",
        "rate limits": "missing",
        "kafka": "missing",
        "blobs": "warn",
    }
    assert "No broker answers at 127.0.0.1:1" in found["kafka"][1]
    assert "java" not in found


def test_finds_a_database_that_was_never_migrated(
    ragline: Ragline, postgres_server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fresh_database(postgres_server.dsn) as dsn:
        monkeypatch.setenv("DATABASE_URL", dsn)
        found = examined(ragline, "--url", "http://127.0.0.1:1", status=1)

    assert (found["database"][0], found["schema"][0]) == ("ok", "missing")
    assert "ragline migrate" in found["schema"][1]
    assert "index" not in found


def test_compares_the_index_with_the_settings(
    ragline: Ragline, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database)
    monkeypatch.setenv("CHUNKING_STRATEGY", "sentence_7")

    found = examined(ragline, "--url", "http://127.0.0.1:1", status=1)
    assert found["index"][0] == "warn"
    assert "EMBEDDING_MODEL=test-8 and CHUNKING_STRATEGY=sentence_5" in found["index"][1]

    monkeypatch.setenv("CHUNKING_STRATEGY", "sentence_5")
    for name, value in INDEX.items():
        monkeypatch.setenv(name, value)
    found = examined(ragline, "--url", "http://127.0.0.1:1", status=1)
    assert found["index"] == (
        "ok",
        "Generation 1 is sentence_5 with test-8 (8 dimensions).",
    )


def test_looks_at_the_stack_of_this_machine(
    ragline: Ragline,
    stack: ScriptedApi,
    database: str,
    kafka: EmbeddedKafka,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whereabouts = {
        "database_url": database,
        "kafka_bootstrap_servers": kafka.bootstrap_servers,
        "blob_url": Path("blobs").absolute().as_uri(),
        "gateway_url": stack.url,
        "pids": {},
    }
    write_private(Path(".ragline/stack.json"), whereabouts)
    Path("blobs").mkdir()
    for name, value in INDEX.items():
        monkeypatch.setenv(name, value)

    found = examined(ragline, status=1)
    assert found["topics"][0] == "missing"
    assert "documents.uploaded.v1" in found["topics"][1]

    asyncio.run(apply_topics(kafka, 6))
    found = examined(ragline, status=0)
    workers = {name: found.pop(name) for name in ("parser", "chunker", "embedder", "responder")}
    assert set(states(found).values()) == {"ok"}
    assert {state for state, _ in workers.values()} == {"warn"}
    assert "start one with `ragline worker parser`" in workers["parser"][1]

    monkeypatch.setenv("KAFKA_PARTITIONS", "3")
    assert examined(ragline, status=0)["topics"][0] == "warn"


def test_counts_workers_and_what_waits_for_them(
    kafka: EmbeddedKafka, settings_with: Callable[..., Settings]
) -> None:
    settings = settings_with(kafka_bootstrap_servers=kafka.bootstrap_servers)

    async def look() -> Found:
        await apply_topics(kafka, 6)
        await publish(kafka, "documents.uploaded.v1", 3)
        async with reading(kafka, "parser", "documents.uploaded.v1"):
            findings = await check_kafka(settings, partitions_cap=6)
        return {finding.name: (finding.state, finding.message) for finding in findings}

    found = asyncio.run(look())

    assert found["parser"] == ("ok", "1 running, 3 records wait.")
    assert found["chunker"] == (
        "warn",
        "None is running, 0 records wait: start one with `ragline worker chunker`.",
    )


def test_says_what_the_gateway_misses(ragline: Ragline, stack: ScriptedApi) -> None:
    stack.refusals = [Refusal("/health/ready", 503, "not_ready", "kafka: No answer.")]

    found = examined(ragline, "--url", stack.url, status=1)

    assert found["gateway"] == ("missing", f"{stack.url} is not ready: kafka: No answer.")


def test_production_names_what_it_needs(ragline: Ragline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")

    assert states(examined(ragline, status=1)) == {"settings": "missing"}


def test_production_without_providers_is_a_finding_each(
    ragline: Ragline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAG_MODE", "production")
    monkeypatch.setenv("UPLOAD_PIPELINE_MODE", "production")

    found = examined(ragline, "--url", "http://127.0.0.1:1", status=1)

    assert {found[name][0] for name in ("parsing", "embedding", "answering")} == {"missing"}
    assert "LLAMAPARSE_API_KEY" in found["parsing"][1]
    assert "OPENAI_API_KEY" in found["embedding"][1]


def test_counts_dead_letters(
    ragline: Ragline, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database)
    found = examined(ragline, "--url", "http://127.0.0.1:1", status=1)
    assert found["dead letters"] == ("ok", "None wait.")

    async def die() -> None:
        store = await Store.connect(database, pool_size=1)
        async with store.system() as tx:
            await tx.dead_letters.copy(a_record())
        await store.close()

    asyncio.run(die())
    found = examined(ragline, "--url", "http://127.0.0.1:1", status=1)
    assert found["dead letters"][0] == "warn"
    assert found["dead letters"][1].startswith("1 wait: `ragline dead-letters list`")
