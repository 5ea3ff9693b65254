"""Identifiers: typed, and derived from content wherever the same input must give the same id."""

import uuid
from typing import NewType

TenantId = NewType("TenantId", uuid.UUID)
UserId = NewType("UserId", uuid.UUID)
DocumentId = NewType("DocumentId", uuid.UUID)
JobId = NewType("JobId", uuid.UUID)
ChunkId = NewType("ChunkId", uuid.UUID)
ConversationId = NewType("ConversationId", uuid.UUID)
TurnId = NewType("TurnId", uuid.UUID)
EventId = NewType("EventId", uuid.UUID)

#: Root of every derived id; changing it changes every id ever derived.
NAMESPACE = uuid.UUID("6f1d8f0e-6a53-5d0c-9a0b-6d2f5b1c7a11")


def derive(*parts: object) -> uuid.UUID:
    """Return the uuid5 of the parts; unequal part lists never share an id by concatenation."""
    texts = [str(part) for part in parts]
    return uuid.uuid5(NAMESPACE, "".join(f"{len(text)}:{text}" for text in texts))


def document_id(tenant: TenantId, sha256: bytes) -> DocumentId:
    """Return the id of these bytes in this tenant: the same file is the same document."""
    return DocumentId(derive("document", tenant, sha256.hex()))


def job_id(document: DocumentId, version: int) -> JobId:
    """Return the id of the job that processes this version of the document."""
    return JobId(derive("job", document, version))


def chunk_id(document: DocumentId, version: int, strategy: str, ordinal: int) -> ChunkId:
    """Return the id of the chunk with this ordinal (from 0) under this chunking strategy."""
    return ChunkId(derive("chunk", document, version, strategy, ordinal))


def event_id(*parts: object) -> EventId:
    """Return the id of an event; parts say what it is about and are equal when it is retried."""
    return EventId(derive("event", *parts))


def new_id() -> uuid.UUID:
    """Return a random id, for things that no content determines (users, conversations, turns)."""
    return uuid.uuid4()
