"""What documents cost is counted once, and stays when they are deleted."""

import uuid
from typing import Any

import httpx

from tests.fixtures.documents import pdf
from tests.pipeline.conftest import indexed


def used(client: httpx.Client) -> dict[str, Any]:
    answer = client.get("/api/v2/usage")
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["total"])


def test_a_document_counts_once_and_its_deletion_changes_nothing(client: httpx.Client) -> None:
    before = used(client)
    content = pdf([f"Usage of {uuid.uuid4()}.", "The second page has a sentence, too."])
    job = indexed(client, "usage.pdf", content)
    after = used(client)
    assert after["documents"] - before["documents"] == 1
    assert after["pages"] - before["pages"] == 2
    assert after["embedding_tokens"] > before["embedding_tokens"]
    indexed(client, "again.pdf", content)
    assert used(client) == after, "the same bytes are no new work"
    assert client.delete(f"/api/v2/documents/{job['document_id']}").status_code in {202, 204}
    assert used(client) == after
