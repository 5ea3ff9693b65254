"""The event that says where a document's job is now."""

from datetime import datetime

from contracts.documents import DocumentEvent, DocumentStatusChanged, JobStatus
from contracts.envelope import Outgoing
from contracts.ids import event_id
from contracts.topics import DOCUMENTS_STATUS


def status_changed(
    event: DocumentEvent,
    status: JobStatus,
    *,
    at: datetime,
    error_code: str | None = None,
    error_message: str | None = None,
) -> Outgoing:
    """Return the status event of the document that ``event`` is about."""
    return Outgoing(
        topic=DOCUMENTS_STATUS,
        key=str(event.document_id),
        tenant_id=event.tenant_id,
        event_id=event_id("status", event.document_id, event.version, status, event.replay_id),
        event=DocumentStatusChanged(
            tenant_id=event.tenant_id,
            document_id=event.document_id,
            version=event.version,
            job_id=event.job_id,
            replay_id=event.replay_id,
            status=status,
            error_code=error_code,
            error_message=error_message,
            at=at,
        ),
    )
