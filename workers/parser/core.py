"""What the parser decides: keys, and the event that follows a parse."""

import hashlib

from contracts.artefacts import ParsedDocument
from contracts.documents import DocumentParsed, DocumentUploaded
from contracts.envelope import Outgoing
from contracts.errors import EmptyDocument
from contracts.ids import event_id
from contracts.text import join_pages
from contracts.topics import DOCUMENTS_PARSED


def artefact_key(event: DocumentUploaded) -> str:
    """Return where the pages of this version are stored, beside its original."""
    return f"{event.tenant_id}/{event.document_id}/{event.version}/pages.json"


def parsed_text(document: ParsedDocument) -> str:
    """Return the text that all offsets count in; ``EmptyDocument`` when it is blank."""
    text, _ = join_pages([page.text for page in document.pages])
    if not text.strip():
        raise EmptyDocument
    return text


def announce(
    event: DocumentUploaded, document: ParsedDocument, *, artefact: bytes, characters: int
) -> Outgoing:
    """Return the event that says where the pages are."""
    return Outgoing(
        topic=DOCUMENTS_PARSED,
        key=str(event.document_id),
        tenant_id=event.tenant_id,
        event_id=event_id("parse", event.document_id, event.version, event.replay_id),
        event=DocumentParsed(
            tenant_id=event.tenant_id,
            document_id=event.document_id,
            version=event.version,
            job_id=event.job_id,
            replay_id=event.replay_id,
            artefact_key=artefact_key(event),
            artefact_sha256=hashlib.sha256(artefact).hexdigest(),
            pages=len(document.pages),
            characters=characters,
            parser=document.parser,
        ),
    )


def tombstone(event: DocumentUploaded) -> Outgoing:
    """Return the record that ends the document on the compacted topic."""
    return Outgoing(
        topic=DOCUMENTS_PARSED,
        key=str(event.document_id),
        tenant_id=event.tenant_id,
        event_id=event_id("parse", event.document_id, event.version, "deleted"),
        event=None,
    )
