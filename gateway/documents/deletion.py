"""Deleting a document: a fence, tombstones and a status event, in one transaction."""

from collections.abc import Iterator

import structlog

from contracts import ids
from contracts.documents import DocumentStatusChanged
from contracts.envelope import Outgoing
from contracts.ids import DocumentId, TenantId
from contracts.topics import DOCUMENTS_PARSED, DOCUMENTS_STATUS, DOCUMENTS_UPLOADED, Topic
from gateway.outbox_headers import outbox_headers
from gateway.refusals import NotFound
from runtime.clock import Clock
from store import Store
from store.documents import Deleted

log = structlog.get_logger(__name__)


async def delete_document(
    document: DocumentId, tenant: TenantId, *, store: Store, clock: Clock
) -> None:
    """Delete a document and all that was made of it; ``NotFound`` when there is none.

    Its blobs are purged soon after by `gateway.housekeeping`, its events by their tombstones.
    """
    async with store.tenant(tenant) as tx:
        deleted = await tx.documents.delete(document)
        if deleted is None:
            raise NotFound("There is no such document.")
        for outgoing in _farewell(deleted, tenant, clock):
            await tx.outbox.append(outgoing, headers=outbox_headers(outgoing, clock))
    log.info("document_deleted", document_id=str(document), version=deleted.version)


def tombstone(topic: Topic, tenant: TenantId, document: DocumentId, version: int) -> Outgoing:
    """Return the record that ends a document on a compacted topic; said again, it is the same."""
    return Outgoing(
        topic=topic,
        key=str(document),
        tenant_id=tenant,
        event=None,
        event_id=ids.event_id("tombstone", topic.name, document, version),
    )


def _farewell(deleted: Deleted, tenant: TenantId, clock: Clock) -> Iterator[Outgoing]:
    document, version = deleted.document_id, deleted.version
    for topic in (DOCUMENTS_UPLOADED, DOCUMENTS_PARSED):
        yield tombstone(topic, tenant, document, version)
    yield Outgoing(
        topic=DOCUMENTS_STATUS,
        key=str(document),
        tenant_id=tenant,
        event=DocumentStatusChanged(
            tenant_id=tenant,
            document_id=document,
            version=version,
            job_id=deleted.job_id,
            status="deleted",
            at=clock.now(),
        ),
        event_id=ids.event_id("status", document, version, "deleted"),
    )
