"""What every pipeline test does: upload, wait, ask."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fixtures.stack import Running

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "documents"
ENDED = {"indexed", "failed", "deleted"}


@pytest.fixture
def client(running: Running) -> Iterator[httpx.Client]:
    client = running.client()
    yield client
    client.close()


def upload(client: httpx.Client, name: str, content: bytes, **fields: str) -> dict[str, Any]:
    answer = client.post("/api/v2/upload", files={"file": (name, content)}, data=fields, timeout=60)
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


def wait(client: httpx.Client, job_id: str, *, seconds: float = 90) -> dict[str, Any]:
    """Return the job once it has ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = client.get(f"/api/v2/jobs/{job_id}")
        assert answer.status_code == 200, answer.text
        job = dict(answer.json())
        if job["status"] in ENDED:
            return job
        time.sleep(0.05)
    raise AssertionError(f"job {job_id} is still {job['status']}")


def indexed(client: httpx.Client, name: str, content: bytes, **fields: str) -> dict[str, Any]:
    """Upload and return the job, which must end well."""
    job = wait(client, upload(client, name, content, **fields)["job_id"])
    assert job["status"] == "indexed", job
    return job


def chunks(client: httpx.Client, document_id: str) -> list[dict[str, Any]]:
    """Return all chunks of a document."""
    found: list[dict[str, Any]] = []
    while True:
        after = {"after": found[-1]["ordinal"]} if found else {}
        page = client.get(f"/api/v2/documents/{document_id}/chunks", params={"limit": 100, **after})
        assert page.status_code == 200, page.text
        found += page.json()["data"]
        if not page.json()["has_more"]:
            return found


def events(stream: Iterator[str]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield (id, event, data) of a stream of server-sent events."""
    fields: dict[str, str] = {}
    for line in stream:
        if line == "" and "data" in fields:
            yield fields.get("id", ""), fields.get("event", "message"), json.loads(fields["data"])
            fields = {}
        elif line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value
