"""The record that hands a document to the workers."""

from contracts.documents import DocumentUploaded
from contracts.envelope import Outgoing
from contracts.ids import event_id
from contracts.topics import DOCUMENTS_UPLOADED


def announce(event: DocumentUploaded) -> Outgoing:
    """Return the record of this event; said again about the same version, it has the same id."""
    return Outgoing(
        topic=DOCUMENTS_UPLOADED,
        key=str(event.document_id),
        tenant_id=event.tenant_id,
        event=event,
        event_id=event_id("uploaded", event.document_id, event.version),
    )
