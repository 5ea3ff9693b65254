"""Events about documents, in the order in which they happen to one."""

from datetime import datetime
from typing import Literal

import msgspec

from contracts.ids import ChunkId, DocumentId, JobId, TenantId

StageName = Literal["parse", "chunk", "embed"]
JobStatus = Literal["accepted", "parsing", "chunking", "embedding", "indexed", "failed", "deleted"]


class DocumentEvent(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """What every event about a document carries."""

    tenant_id: TenantId
    document_id: DocumentId
    #: Counts the processings of the document, from 1.
    version: int
    job_id: JobId
    #: Empty in normal life; names the replay that this event belongs to.
    replay_id: str = ""


class DocumentUploaded(DocumentEvent, frozen=True, kw_only=True, tag="document_uploaded"):
    """A file was accepted and stored; the document row can be built again from this."""

    filename: str
    media_type: str
    size: int
    #: SHA-256 of the file, hexadecimal.
    sha256: str
    blob_key: str
    knowledge_base: str
    metadata: dict[str, str | int | float | bool | None] = {}
    uploaded_at: datetime


class DocumentParsed(DocumentEvent, frozen=True, kw_only=True, tag="document_parsed"):
    """The text of a document is stored as an artefact (see ``contracts.artefacts``)."""

    artefact_key: str
    #: SHA-256 of the artefact's bytes, hexadecimal.
    artefact_sha256: str
    pages: int
    characters: int
    #: Which parser read it, with its version.
    parser: str
    #: Only for this generation; 0 is for every one that live uploads go into.
    generation: int = 0


class ChunkText(msgspec.Struct, frozen=True, kw_only=True):
    """One chunk: ``parsed_text[char_start:char_end] == text``."""

    chunk_id: ChunkId
    ordinal: int
    #: Pages count from 1; a chunk may cross a page break.
    page_first: int
    page_last: int
    char_start: int
    char_end: int
    text: str


class DocumentChunked(DocumentEvent, frozen=True, kw_only=True, tag="document_chunked"):
    """One part of a document's chunks, for one generation."""

    generation: int
    #: Parts count from 0.
    part: int
    part_count: int
    chunks_total: int
    strategy: str
    chunks: tuple[ChunkText, ...]


class DocumentStatusChanged(DocumentEvent, frozen=True, kw_only=True, tag="document_status"):
    """A job reached another status; for webhooks and whoever integrates."""

    status: JobStatus
    error_code: str | None = None
    error_message: str | None = None
    at: datetime
