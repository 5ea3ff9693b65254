"""Blobs that no row names go after a day; what may yet be named, or is, stays."""

import asyncio
import os
import uuid
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from contracts.ids import DocumentId, TenantId, document_id
from gateway import housekeeping
from gateway.documents.keys import original_key
from gateway.housekeeping import Housekeeping
from gateway.sweeping import sweep_unnamed_blobs
from providers.blobs.factory import create_blobs
from providers.blobs.protocol import BlobStore
from runtime.clock import SystemClock
from store import Store
from tests.integration.store.given import a_file, a_tenant

pytestmark = pytest.mark.asyncio

LONG_AGO = SystemClock().now() - timedelta(days=2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "blobs"


@pytest.fixture
def blobs(folder: Path) -> BlobStore:
    return create_blobs(folder.as_uri())


def age(folder: Path) -> None:
    """Let every file be two days old."""
    for path in folder.rglob("*"):
        os.utime(path, (LONG_AGO.timestamp(), LONG_AGO.timestamp()))


def left(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


async def sweep(store: Store, blobs: BlobStore) -> int:
    older_than = SystemClock().now() - timedelta(days=1)
    return await sweep_unnamed_blobs(store, blobs, older_than=older_than)


async def upload(store: Store, blobs: BlobStore, tenant: TenantId, content: bytes) -> str:
    """Accept a file; return the prefix of its version."""
    document = document_id(tenant, a_file(tenant, content).sha256)
    named = partial(original_key, tenant, document)
    async with store.tenant(tenant) as tx:
        accepted = await tx.documents.accept(
            a_file(tenant, content, blob_key_for=named), trace_id=None
        )
        await blobs.put(accepted.blob_key, content)
    return accepted.blob_key.removesuffix("original")


async def test_what_a_killed_upload_left_goes_and_what_a_row_names_stays(
    store: Store, blobs: BlobStore, folder: Path
) -> None:
    tenant = await a_tenant(store)
    kept = await upload(store, blobs, tenant, b"kept")
    await blobs.put(f"{kept}pages.json", b"{}")
    lost = DocumentId(uuid.uuid4())
    for version in (1, 2):
        await blobs.put(original_key(tenant, lost, version), b"never accepted")
    document = DocumentId(uuid.UUID(kept.split("/")[1]))
    await blobs.put(original_key(tenant, document, 2), b"the commit failed")
    await blobs.put("incoming/2026-01-01/x", b"not ours to judge")
    assert await sweep(store, blobs) == 0  # all is new
    age(folder)
    assert await sweep(store, blobs) == 3
    assert left(folder) == {f"{kept}original", f"{kept}pages.json", "incoming/2026-01-01/x"}
    assert await sweep(store, blobs) == 0


async def test_blobs_of_deleted_documents_and_of_versions_before_go(
    store: Store, blobs: BlobStore, folder: Path
) -> None:
    tenant = await a_tenant(store)
    first = await upload(store, blobs, tenant, b"again")
    gone = await upload(store, blobs, tenant, b"gone")
    for prefix in (first, gone):
        async with store.tenant(tenant) as tx:
            await tx.documents.delete(DocumentId(uuid.UUID(prefix.split("/")[1])))
    second = await upload(store, blobs, tenant, b"again")
    age(folder)
    assert await sweep(store, blobs) == 2
    assert left(folder) == {f"{second}original"}


async def test_an_upload_that_is_just_accepted_keeps_its_file(
    store: Store, blobs: BlobStore, folder: Path
) -> None:
    """Its key was left by an upload that was killed, and is listed as old."""
    tenant, content = await a_tenant(store), b"once more"
    document = document_id(tenant, a_file(tenant, content).sha256)
    key = original_key(tenant, document, 1)
    await blobs.put(key, content)
    age(folder)
    named = partial(original_key, tenant, document)
    async with store.tenant(tenant) as tx:
        await tx.documents.accept(a_file(tenant, content, blob_key_for=named), trace_id=None)
        await blobs.put(key, content)
        age(folder)
        sweeping = asyncio.create_task(sweep(store, blobs))
        await asyncio.sleep(0.5)  # it has found the key, and waits for us
        assert not sweeping.done()
    assert await sweeping == 0
    assert left(folder) == {key}


async def test_housekeeping_sweeps_staged_files_always_and_unnamed_ones_daily(
    store: Store, blobs: BlobStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await a_tenant(store)
    lost = original_key(tenant, DocumentId(uuid.uuid4()), 1)
    await blobs.put(lost, b"never accepted")
    staged = folder / "incoming" / "2026-01-01" / str(tenant) / "file#1"
    staged.parent.mkdir(parents=True)
    staged.write_bytes(b"half")
    chores = Housekeeping(store=store, blobs=blobs, clock=SystemClock())
    assert await chores.sweep_leftovers() == 0
    age(folder)
    assert await chores.sweep_leftovers() == 1
    assert left(folder) == {lost}
    monkeypatch.setattr(housekeeping, "UNNAMED_FIRST_SECONDS", 0.0)
    chores = Housekeeping(store=store, blobs=blobs, clock=SystemClock())
    assert await chores.sweep_leftovers() == 1
    await blobs.put(lost, b"never accepted")
    age(folder)
    assert await chores.sweep_leftovers() == 0  # tomorrow
