"""A document whose event was lost on the way is indexed all the same, and nothing is done twice."""

import hashlib
import uuid
from collections.abc import Sequence
from functools import partial
from typing import Any

import httpx
import pytest

from contracts import ids
from contracts.ids import DocumentId, JobId, TenantId
from gateway.documents.keys import original_key
from providers.blobs.factory import create_blobs
from store import Store
from store.documents import NewDocument
from tests.fixtures.stack import Running
from tests.pipeline.conftest import chunks, indexed, wait

#: More than one part.
LONG = "\n\n".join(f"Paragraph {n} names a lighthouse. It was lit in {n}." for n in range(800))

# As if nothing after the parser's commit, or the chunker's, had ever come to Kafka.
FORGET_STAGES = """
DELETE FROM ledger WHERE tenant_id = current_tenant() AND document_id = $1 AND stage = ANY($2)
"""
FORGET_PARTS = """
DELETE FROM document_generations WHERE tenant_id = current_tenant() AND document_id = $1
"""
UNDO_PARTS = """
UPDATE document_generations
SET parts_done = 0, chunks_done = 0, embedding_tokens = 0, indexed_at = NULL
WHERE tenant_id = current_tenant() AND document_id = $1
"""
FORGET_CHUNKS = "DELETE FROM chunks_g1 WHERE tenant_id = current_tenant() AND document_id = $1"
REOPEN_STAGES = """
UPDATE job_stages SET state = 'waiting', done = 0
WHERE tenant_id = current_tenant() AND job_id = $1 AND name = ANY($2)
"""
REOPEN = """
UPDATE jobs SET status = $2, finished_at = NULL, published_at = now() - interval '1 hour',
                updated_at = now() - interval '1 hour'
WHERE tenant_id = current_tenant() AND job_id = $1
"""
TENANT = "SELECT tenant_id FROM users WHERE email = $1"
RECONCILED = "SELECT reconciled FROM jobs WHERE tenant_id = current_tenant() AND job_id = $1"


def test_a_document_that_never_came_to_kafka_is_indexed(
    client: httpx.Client, running: Running
) -> None:
    text = f"The dove of {uuid.uuid4()} flew over the dam. It came back with a leaf."
    job_id = running.do(_accepted_and_lost(running, text.encode()))
    job = wait(client, str(job_id), seconds=60)
    assert job["status"] == "indexed", job
    [chunk] = chunks(client, job["document_id"])
    assert chunk["text"] == text
    assert running.do(_reconciled(running, job_id)) == 1


@pytest.mark.parametrize(
    ("status", "stages", "attempts"),
    [
        ("chunking", ["chunk", "embed"], [1, 1, 2]),
        ("embedding", ["embed"], [1, 1, 1]),
        ("embedding", [], [1, 1, 1]),
    ],
    ids=["after the parser", "after the chunker", "after the last part"],
)
def test_what_was_done_before_the_loss_is_not_done_again(
    client: httpx.Client, running: Running, status: str, stages: list[str], attempts: list[int]
) -> None:
    text = f"{uuid.uuid4()}.\n\n{LONG}"
    quiet = indexed(client, "lost.txt", text.encode())
    before = chunks(client, quiet["document_id"])
    running.do(_lose(running, quiet, status, stages))
    assert client.get(f"/api/v2/jobs/{quiet['job_id']}").json()["status"] == status
    job = wait(client, quiet["job_id"], seconds=60)
    assert job["status"] == "indexed", job
    assert [stage["state"] for stage in job["stages"]] == ["done"] * 3
    assert [stage["attempts"] for stage in job["stages"]] == attempts
    assert chunks(client, quiet["document_id"]) == before


async def _accepted_and_lost(running: Running, content: bytes) -> JobId:
    """Accept a document as the gateway does, and take its event for published."""
    store = await _store(running)
    tenant, sha256 = await _tenant(running, store), hashlib.sha256(content).digest()
    document = ids.document_id(tenant, sha256)
    new = NewDocument(
        document_id=document,
        sha256=sha256,
        filename="lost.txt",
        media_type="text/plain",
        size=len(content),
        knowledge_base="default",
        metadata={},
        blob_key_for=partial(original_key, tenant, document),
    )
    await create_blobs(running.settings.blob_url or "").put(
        original_key(tenant, document, 1), content
    )
    async with store.tenant(tenant) as tx:
        accepted = await tx.documents.accept(new, trace_id=None)
        await tx.connection.change(REOPEN, accepted.job_id, "accepted")
    await store.close()
    return accepted.job_id


async def _lose(
    running: Running,
    job: dict[str, Any],
    status: str,
    stages: Sequence[str],
) -> None:
    """Undo stages of a document in the database, and leave its job where it was then."""
    document, job_id = DocumentId(uuid.UUID(job["document_id"])), uuid.UUID(job["job_id"])
    store = await _store(running)
    async with store.tenant(await _tenant(running, store)) as tx:
        await tx.connection.change(FORGET_STAGES, document, stages)
        if stages:
            undo = FORGET_PARTS if "chunk" in stages else UNDO_PARTS
            await tx.connection.change(undo, document)
            await tx.connection.change(FORGET_CHUNKS, document)
        await tx.connection.change(REOPEN_STAGES, job_id, stages)
        await tx.connection.change(REOPEN, job_id, status)
    await store.close()


async def _reconciled(running: Running, job_id: JobId) -> int:
    store = await _store(running)
    async with store.tenant(await _tenant(running, store)) as tx:
        times: int = await tx.connection.value(RECONCILED, job_id)
    await store.close()
    return times


async def _store(running: Running) -> Store:
    assert running.settings.database_url is not None
    return await Store.connect(running.settings.database_url.get_secret_value(), pool_size=2)


async def _tenant(running: Running, store: Store) -> TenantId:
    async with store.system() as system:
        found = await system.connection.value(TENANT, running.access.email)
    return TenantId(found)
