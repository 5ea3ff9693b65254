"""The record that hands a document to the workers."""

from contracts.documents import DocumentUploaded
from contracts.envelope import Outgoing
from contracts.ids import TenantId, event_id
from contracts.topics import DOCUMENTS_UPLOADED
from store import Transaction
from store.documents import Document


def announce(event: DocumentUploaded) -> Outgoing:
    """Return the record of this event; said again about the same version, it has the same id."""
    return Outgoing(
        topic=DOCUMENTS_UPLOADED,
        key=str(event.document_id),
        tenant_id=event.tenant_id,
        event=event,
        event_id=event_id("uploaded", event.document_id, event.version),
    )


async def announce_again(tx: Transaction, tenant: TenantId, document: Document) -> Outgoing:
    """Return the record of a document's newest upload once more, from what the rows keep of it."""
    job = await tx.jobs.get(document.job_id)
    return announce(
        DocumentUploaded(
            tenant_id=tenant,
            document_id=document.document_id,
            version=document.version,
            job_id=document.job_id,
            filename=document.filename,
            media_type=document.media_type,
            size=document.size,
            sha256=document.sha256.hex(),
            blob_key=document.blob_key,
            knowledge_base=document.knowledge_base,
            metadata=document.metadata,
            uploaded_at=document.updated_at if job is None else job.created_at,
        )
    )
