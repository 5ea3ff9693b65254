"""Finding the blobs that no row names: their uploads were killed between the blob and the row."""

import itertools
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog

from contracts.ids import DocumentId, TenantId
from gateway.documents.keys import version_prefix
from providers.blobs.protocol import BlobStore, StoredBlob
from store import Store

log = structlog.get_logger(__name__)

#: ``TENANT/DOCUMENT/VERSION/NAME``.
_KEY = re.compile(r"([0-9a-f-]{36})/([0-9a-f-]{36})/(\d{1,9})/[^/]+", re.ASCII)


@dataclass(frozen=True, order=True)
class _Version:
    """Which processing of which document blobs belong to."""

    tenant_id: TenantId
    document_id: DocumentId
    version: int

    @classmethod
    def of(cls, key: str) -> "_Version | None":
        """Return what a blob belongs to; None for what is no document's."""
        found = _KEY.fullmatch(key)
        if found is None:
            return None
        tenant, document, version = found.groups()
        try:
            return cls(TenantId(UUID(tenant)), DocumentId(UUID(document)), int(version))
        except ValueError:
            return None


async def sweep_unnamed_blobs(store: Store, blobs: BlobStore, *, older_than: datetime) -> int:
    """Remove blobs of documents that no row names, and return how many.

    Blobs that were written after ``older_than`` may yet get their row, and stay. So does every blob
    of a document's newest version. Raises ``BlobsUnavailable`` or ``StoreUnavailable``; what was
    done until then is done.
    """
    removed = 0
    async for page in blobs.stored():
        old = [blob for blob in page if blob.modified < older_than]
        async for version, keys in _suspects(store, old):
            removed += await _remove_unnamed(store, blobs, version, keys)
    return removed


async def _suspects(
    store: Store, stored: Iterable[StoredBlob]
) -> AsyncIterator[tuple[_Version, Sequence[str]]]:
    """Yield the versions that are not their documents' newest, with their blobs."""
    known = sorted(
        (version, blob.key) for blob in stored if (version := _Version.of(blob.key)) is not None
    )
    if not known:
        return
    async with store.system() as tx:
        fences = await tx.relay.fences({version.document_id for version, _ in known})
    for version, of_version in itertools.groupby(known, key=lambda pair: pair[0]):
        fence = fences.get(version.document_id)
        if fence is None or fence.newest != version.version:
            yield version, [key for _, key in of_version]


async def _remove_unnamed(
    store: Store, blobs: BlobStore, version: _Version, keys: Sequence[str]
) -> int:
    """Remove these blobs while no upload of their document can be accepted; return how many."""
    removed = 0
    async with store.tenant(version.tenant_id) as tx:
        await tx.documents.lock_uploads(version.document_id)
        document = await tx.documents.get(version.document_id)
        named = {document.blob_key, document.artefact_key} if document else set[str | None]()
        if document is not None:
            named |= {key for key in keys if key.startswith(_newest(version, document.version))}
        for key in keys:
            if key not in named:
                await blobs.delete(key)
                removed += 1
    if removed:
        log.info(
            "unnamed_blobs_removed",
            document_id=str(version.document_id),
            version=version.version,
            blobs=removed,
        )
    return removed


def _newest(version: _Version, newest: int) -> str:
    return version_prefix(version.tenant_id, version.document_id, newest)
