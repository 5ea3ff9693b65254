"""A document that is deleted while it is chunked ends as obsolete, not as a failure."""

from pathlib import Path

import pytest
from obstore.store import LocalStore
from typing_extensions import override

from contracts.documents import DocumentParsed
from contracts.errors import MissingBlob
from contracts.ids import TenantId
from providers.blobs.factory import create_blobs
from providers.blobs.object_store import ObjectStoreBlobs
from runtime.processes import ProcessPool
from store import Store
from store.documents import Accepted
from tests.integration.store.given import a_tenant, accepted
from workers.chunker.handler import handle

pytestmark = pytest.mark.asyncio


class Purged(ObjectStoreBlobs):
    """A blob store from which a deletion takes the pages just before they are read."""

    def __init__(self, folder: Path, store: Store, event: DocumentParsed) -> None:
        super().__init__(LocalStore(folder))
        self._database = store
        self._event = event

    @override
    async def get(self, key: str) -> bytes:
        async with self._database.tenant(self._event.tenant_id) as tx:
            assert await tx.documents.delete(self._event.document_id) is not None
        return await super().get(key)


def parsed(tenant: TenantId, document: Accepted) -> DocumentParsed:
    return DocumentParsed(
        tenant_id=tenant,
        document_id=document.document_id,
        version=document.version,
        job_id=document.job_id,
        artefact_key=f"{tenant}/{document.document_id}/1/pages.json",
        artefact_sha256="0" * 64,
        pages=1,
        characters=1,
        parser="test/1",
    )


async def test_pages_that_are_gone_because_of_a_deletion_are_no_failure(
    store: Store, tmp_path: Path
) -> None:
    tenant = await a_tenant(store)
    event = parsed(tenant, await accepted(store, tenant, b"short-lived"))
    blobs = create_blobs(tmp_path.as_uri())
    processes = ProcessPool(1)
    with pytest.raises(MissingBlob):  # without a deletion it is one
        await handle(event, store=store, blobs=blobs, processes=processes)
    purged = Purged(tmp_path, store, event)
    assert await handle(event, store=store, blobs=purged, processes=processes) == ()
