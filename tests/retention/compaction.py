"""What compaction leaves of the log is enough, and what was deleted stays deleted.

Kafka's cleaner takes its time, so this is run by `make test-log`, not with the other tests.
"""

import time
from collections.abc import Iterator

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from contracts.topics import DOCUMENTS_PARSED, DOCUMENTS_UPLOADED
from tests.fixtures.stack import Running
from tests.pipeline.conftest import chunks, indexed
from tests.pipeline.test_generations import PATH as GENERATIONS
from tests.pipeline.test_generations import build, promoted
from tests.pipeline.test_generations import until as until_generation
from tests.pipeline.test_replays import DERIVED, Raw, as_owner, ended, since_ever, until
from tests.pipeline.test_replays import PATH as REPLAYS

COMPACTED = (DOCUMENTS_UPLOADED.name, DOCUMENTS_PARSED.name)
#: Segments that are closed and cleaned within seconds instead of days.
HASTY = {
    "cleanup.policy": "compact",
    "segment.ms": "1000",
    "min.cleanable.dirty.ratio": "0.001",
    "min.compaction.lag.ms": "0",
    "max.compaction.lag.ms": "2000",
    "delete.retention.ms": "1000",
}
TEXT = "The mill of {0} grinds barley. Its wheel is made of oak. The miller of {0} sings badly."


@pytest.fixture
def operator(running: Running) -> Iterator[httpx.Client]:
    client = running.client()
    yield client
    client.close()


def test_a_compacted_log_rebuilds_everything_but_what_was_deleted(
    operator: httpx.Client, running: Running
) -> None:
    kept = [indexed(operator, f"mill-{n}.txt", TEXT.format(n).encode()) for n in range(6)]
    gone = indexed(operator, "gone.txt", TEXT.format("gone").encode())["document_id"]
    before = {job["document_id"]: chunks(operator, job["document_id"]) for job in kept}
    assert operator.delete(f"/api/v2/documents/{gone}").status_code == 204
    running.do(_make_hasty(running))
    _until_forgotten(operator, running, gone)
    _expect_rebuilt(operator, running, before, gone)
    _expect_built(operator, before, gone)
    body = {"group": "chunker", "since": since_ever(), "document_id": gone}
    assert ended(operator, REPLAYS, body)["published"] == 0
    assert operator.get(f"/api/v2/documents/{gone}").status_code == 404


def _until_forgotten(operator: httpx.Client, running: Running, gone: str) -> None:
    """Upload until the cleaner has run: a segment is only closed by the record after it."""
    deadline = time.monotonic() + 240
    number = 0
    while time.monotonic() < deadline:
        number += 1
        for part in range(6):
            indexed(operator, f"roll-{number}-{part}.txt", f"Roll {number} {part}.".encode())
        found = [running.do(_keys(running, topic)) for topic in COMPACTED]
        if not any(gone in keys for keys, _ in found):
            assert any(has_holes for _, has_holes in found)
            return
        time.sleep(2)  # noqa: TID251 - no event loop to block
    raise AssertionError("the cleaner never ran")


def _expect_rebuilt(
    operator: httpx.Client, running: Running, before: dict[str, object], gone: str
) -> None:
    async def lose(connection: Raw) -> None:
        await connection.execute(f"TRUNCATE {', '.join(DERIVED)} CASCADE")

    as_owner(running, lose)
    replay = ended(operator, f"{REPLAYS}/rebuild", {})
    assert (replay["state"], replay["problem"]) == ("done", None)
    until(lambda: _are_back(operator, before))
    assert operator.get(f"/api/v2/documents/{gone}").status_code == 404


def _are_back(operator: httpx.Client, before: dict[str, object]) -> bool:
    answers = {one: operator.get(f"/api/v2/documents/{one}") for one in before}
    if not all(a.status_code == 200 and a.json()["status"] == "indexed" for a in answers.values()):
        return False
    return {document: chunks(operator, document) for document in before} == before


def _expect_built(operator: httpx.Client, before: dict[str, object], gone: str) -> None:
    """Read the compacted topic from its start into another generation."""
    number = build(operator, chunking="sentence_2")
    until_generation(operator, number, lambda g: g["step"] == "built")
    assert promoted(operator, number)["problem"] is None
    assert all(len(chunks(operator, document)) == 2 for document in before)
    found = operator.post("/api/v2/search", json={"query": "the miller of gone sings badly"})
    assert gone not in [hit["document_id"] for hit in found.json()["results"]]
    assert operator.post(f"{GENERATIONS}/rollback", json={}).status_code == 200


async def _make_hasty(running: Running) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=running.settings.kafka_bootstrap_servers or "")
    await admin.start()
    try:
        await admin.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, topic, HASTY) for topic in COMPACTED]
        )
    finally:
        await admin.close()


async def _keys(running: Running, topic: str) -> tuple[set[str], bool]:
    """Return the keys of what is left of a topic, and whether offsets are missing in it."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=running.settings.kafka_bootstrap_servers or "",
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, number) for number in range(6)]
        ends = await consumer.end_offsets(partitions)
        consumer.assign(partitions)
        keys: set[str] = set()
        offsets: dict[TopicPartition, list[int]] = {one: [] for one in partitions}
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            for place, records in (await consumer.getmany(timeout_ms=300)).items():
                keys |= {(record.key or b"").decode() for record in records}
                offsets[place] += [record.offset for record in records]
            if all([await consumer.position(one) >= ends[one] for one in partitions]):
                break
        holes = any(len(found) < ends[one] for one, found in offsets.items())
        return keys, holes
    finally:
        await consumer.stop()
