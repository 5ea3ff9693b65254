"""What is deleted is gone from answers, rows, files and the log's compacted topics."""

import time

import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition

from contracts.topics import DOCUMENTS_PARSED, DOCUMENTS_UPLOADED
from tests.fixtures.stack import Running
from tests.pipeline.conftest import indexed, upload, wait

TEXT = b"The violet heron nests on the third chimney. It returns every March."


def test_a_deleted_document_is_gone_everywhere(client: httpx.Client, running: Running) -> None:
    document = indexed(client, "heron.txt", TEXT)["document_id"]
    assert client.delete(f"/api/v2/documents/{document}").status_code == 204
    assert client.get(f"/api/v2/documents/{document}").status_code == 404
    assert client.get(f"/api/v2/documents/{document}/content").status_code == 404
    found = client.post("/api/v2/search", json={"query": "Where does the violet heron nest?"})
    assert document not in [hit["document_id"] for hit in found.json()["results"]]
    for topic in (DOCUMENTS_UPLOADED.name, DOCUMENTS_PARSED.name):
        assert running.do(_last_value(running, topic, document)) is None
    _expect_no_blobs(running, document)


def test_a_deleted_document_can_be_uploaded_again(client: httpx.Client) -> None:
    content = TEXT + b" Again."
    first = indexed(client, "heron2.txt", content)
    assert client.delete(f"/api/v2/documents/{first['document_id']}").status_code == 204
    second = upload(client, "heron2.txt", content)
    assert second["document_id"] == first["document_id"]
    assert second["deduplicated"] is False
    assert wait(client, second["job_id"])["status"] == "indexed"
    time.sleep(2)  # a late deletion of files must spare the new version
    assert client.get(f"/api/v2/documents/{first['document_id']}/content").content == content


async def _last_value(running: Running, topic: str, key: str) -> bytes | None:
    """Return the value of the last record with this key; fail when there is none."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=running.settings.kafka_bootstrap_servers or "",
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        deadline = time.monotonic() + 15
        partitions = [TopicPartition(topic, number) for number in range(6)]
        consumer.assign(partitions)
        values: list[bytes | None] = []
        while time.monotonic() < deadline:
            for records in (await consumer.getmany(timeout_ms=300)).values():
                values += [record.value for record in records if record.key == key.encode()]
            if values and values[-1] is None:
                break
        assert values, "no record of the document"
        return values[-1]
    finally:
        await consumer.stop()


def _expect_no_blobs(running: Running, document: str) -> None:
    folder = running.folder / "blobs"
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        left = [path for path in folder.rglob("*") if document in str(path) and path.is_file()]
        if not left:
            return
        time.sleep(0.3)
    raise AssertionError(f"still there: {left}")
