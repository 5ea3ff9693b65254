"""Documents are listed, shown, and deleted with all that belongs to them."""

import uuid
from pathlib import Path

import pytest

from contracts import codec
from contracts.documents import DocumentStatusChanged
from contracts.ids import DocumentId, TenantId
from contracts.topics import DOCUMENTS_PARSED, DOCUMENTS_STATUS, DOCUMENTS_UPLOADED
from gateway.housekeeping import Housekeeping
from providers.blobs.factory import create_blobs
from runtime.clock import SystemClock
from store import Store
from tests.integration.gateway.serving import Client
from tests.integration.gateway.test_uploads import files_of, outbox_of


def test_documents_are_listed_in_pages_newest_first(ada: Client) -> None:
    made = [ada.uploaded(f"Number {number}.".encode())["document_id"] for number in range(5)]
    first = ada.get("/api/v2/documents", params={"limit": 3}).json()
    assert [document["document_id"] for document in first["data"]] == made[:1:-1]
    assert first["has_more"] is True
    rest = ada.get("/api/v2/documents", params={"limit": 3, "after": made[2]}).json()
    assert [document["document_id"] for document in rest["data"]] == made[1::-1]
    assert rest["has_more"] is False


def test_a_new_document_has_no_chunks_yet(ada: Client) -> None:
    document = ada.uploaded()["document_id"]
    assert ada.get(f"/api/v2/documents/{document}/chunks").json() == {"data": [], "has_more": False}


def test_a_file_that_is_gone_is_said_so(ada: Client, blob_folder: Path) -> None:
    document = ada.uploaded()["document_id"]
    [path] = files_of(blob_folder, ada)
    (blob_folder / path).unlink()
    answer = ada.get(f"/api/v2/documents/{document}/content")
    assert (answer.status_code, answer.json()["code"]) == (404, "missing_blob")


@pytest.mark.asyncio
async def test_deleting_announces_the_end_on_every_compacted_topic(
    ada: Client, store: Store
) -> None:
    accepted = ada.uploaded()
    assert ada.delete(f"/api/v2/documents/{accepted['document_id']}").status_code == 204
    uploaded, *farewell = await outbox_of(store, ada)
    assert uploaded.value is not None
    assert [(row.topic, row.key) for row in farewell] == [
        (topic.name, accepted["document_id"])
        for topic in (DOCUMENTS_UPLOADED, DOCUMENTS_PARSED, DOCUMENTS_STATUS)
    ]
    assert [row.value is None for row in farewell] == [True, True, False]
    status = codec.decode(DOCUMENTS_STATUS, farewell[2].value or b"")
    assert isinstance(status, DocumentStatusChanged)
    assert (str(status.job_id), status.status) == (accepted["job_id"], "deleted")


def test_a_deleted_document_is_not_there_any_more(ada: Client) -> None:
    accepted = ada.uploaded()
    path = f"/api/v2/documents/{accepted['document_id']}"
    assert ada.delete(path).status_code == 204
    for gone in (path, f"{path}/content", f"{path}/chunks"):
        assert ada.get(gone).status_code == 404
    assert ada.delete(path).status_code == 404
    assert ada.get("/api/v2/documents").json()["data"] == []
    assert ada.get(f"/api/v2/jobs/{accepted['job_id']}").json()["status"] == "deleted"


@pytest.mark.asyncio
async def test_its_files_are_purged_soon_after(
    ada: Client, store: Store, blob_folder: Path
) -> None:
    document = ada.uploaded()["document_id"]
    ada.delete(f"/api/v2/documents/{document}")
    chores = Housekeeping(
        store=store, blobs=create_blobs(blob_folder.as_uri()), clock=SystemClock()
    )
    while await chores.purge_deleted():
        pass
    assert files_of(blob_folder, ada) == []


@pytest.mark.asyncio
async def test_a_late_purge_spares_what_was_uploaded_again(
    ada: Client, store: Store, blob_folder: Path
) -> None:
    document = ada.uploaded(b"Again and again.")["document_id"]
    ada.delete(f"/api/v2/documents/{document}")
    async with store.system() as tx:
        late = [
            one for one in await tx.housekeeping.to_purge(1000) if str(one.document_id) == document
        ]
    again = ada.uploaded(b"Again and again.")
    assert again["document_id"] == document
    assert again["deduplicated"] is False

    class Late(Housekeeping):
        """Housekeeping that looked before the upload."""

    blobs = create_blobs(blob_folder.as_uri())
    for purge in late:
        await blobs.delete_prefix(f"{purge.tenant_id}/{document}/{purge.version}/")
        async with store.system() as tx:
            await tx.housekeeping.mark_purged(purge.document_id, purge.deleted_at)
    assert files_of(blob_folder, ada) == [f"{ada.user['tenant_id']}/{document}/2/original"]
    assert ada.get(f"/api/v2/documents/{document}/content").content == b"Again and again."


@pytest.mark.asyncio
async def test_leftovers_of_uploads_are_removed_after_a_day_or_two(
    store: Store, blob_folder: Path
) -> None:
    today = SystemClock().now().date()
    tenant = uuid.uuid4()
    blobs = create_blobs(blob_folder.as_uri())
    ages = {0: True, 1: True, 2: False, 3: False, 29: False}
    keys = {
        age: f"incoming/{today.fromordinal(today.toordinal() - age)}/{tenant}/{uuid.uuid4()}"
        for age in ages
    }
    for key in keys.values():
        await blobs.put(key, b"left over")
    chores = Housekeeping(store=store, blobs=blobs, clock=SystemClock())
    assert await chores.sweep_leftovers() == 3
    assert {age: (blob_folder / key).exists() for age, key in keys.items()} == ages


@pytest.mark.asyncio
async def test_the_fence_of_a_deleted_document_has_no_content(ada: Client, store: Store) -> None:
    document = ada.upload(b"Private.", "private.txt", metadata='{"who": "Ada"}').json()
    ada.delete(f"/api/v2/documents/{document['document_id']}")
    tenant = TenantId(uuid.UUID(ada.user["tenant_id"]))
    async with store.tenant(tenant) as tx:
        assert await tx.documents.get(DocumentId(uuid.UUID(document["document_id"]))) is None
        job = await tx.jobs.list(limit=10)
    assert [one.filename for one in job] == [""]
