"""What clients get about documents and jobs."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from contracts.documents import JobStatus
from gateway.paging import Page
from store.chunks import StoredChunk
from store.documents import Accepted, Document
from store.jobs import Job


class UploadAccepted(msgspec.Struct, frozen=True, kw_only=True):
    """An upload is stored and will be processed; follow it at ``Location``."""

    job_id: UUID
    document_id: UUID
    status: JobStatus
    #: True: these bytes were here already, and nothing new is done.
    deduplicated: bool

    @classmethod
    def of(cls, accepted: Accepted) -> "UploadAccepted":
        """Return what the store accepted, as it is shown."""
        return cls(
            job_id=accepted.job_id,
            document_id=accepted.document_id,
            status=accepted.status,
            deduplicated=accepted.deduplicated,
        )


class StageShown(msgspec.Struct, frozen=True, kw_only=True):
    """One stage of a job."""

    name: str
    state: str
    #: What is done of ``total``: pages, or chunks.
    done: int
    total: int | None
    started_at: datetime | None
    finished_at: datetime | None
    attempts: int


class JobError(msgspec.Struct, frozen=True, kw_only=True):
    """Why a job failed: a stable code, and a sentence that says what to do."""

    code: str
    message: str


class JobShown(msgspec.Struct, frozen=True, kw_only=True):
    """The processing of one upload."""

    job_id: UUID
    document_id: UUID
    filename: str
    status: JobStatus
    stages: tuple[StageShown, ...]
    pages: int | None
    chunks: int | None
    error: JobError | None
    #: Counts the changes; the id of the job's events.
    revision: int
    trace_id: str | None
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, job: Job) -> "JobShown":
        """Return a job as it is shown."""
        return cls(
            job_id=job.job_id,
            document_id=job.document_id,
            filename=job.filename,
            status=job.status,
            stages=tuple(
                StageShown(
                    name=stage.name,
                    state=stage.state,
                    done=stage.done,
                    total=stage.total,
                    started_at=stage.started_at,
                    finished_at=stage.finished_at,
                    attempts=stage.attempts,
                )
                for stage in job.stages
            ),
            pages=job.pages,
            chunks=job.chunks,
            error=_error(job),
            revision=job.revision,
            trace_id=job.trace_id,
            created_at=job.created_at,
            updated_at=job.updated_at,
            finished_at=job.finished_at,
        )


class JobPage(Page[JobShown], frozen=True):
    """Some jobs, newest first."""


class DocumentShown(msgspec.Struct, frozen=True, kw_only=True):
    """A document and how far it is processed."""

    document_id: UUID
    job_id: UUID
    #: Counts the processings of the document, from 1.
    version: int
    status: JobStatus
    filename: str
    media_type: str
    #: In bytes.
    size: int
    #: SHA-256 of the file, hexadecimal.
    sha256: str
    knowledge_base: str
    metadata: dict[str, Any]
    parser: str | None
    pages: int | None
    characters: int | None
    chunks: int | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, document: Document) -> "DocumentShown":
        """Return a document as it is shown."""
        return cls(
            document_id=document.document_id,
            job_id=document.job_id,
            version=document.version,
            status=document.status,
            filename=document.filename,
            media_type=document.media_type,
            size=document.size,
            sha256=document.sha256.hex(),
            knowledge_base=document.knowledge_base,
            metadata=document.metadata,
            parser=document.parser,
            pages=document.pages,
            characters=document.characters,
            chunks=document.chunks,
            created_at=document.created_at,
            updated_at=document.updated_at,
        )


class DocumentPage(Page[DocumentShown], frozen=True):
    """Some documents, newest first."""


class ChunkShown(msgspec.Struct, frozen=True, kw_only=True):
    """One chunk; ``text`` is the parsed text from ``char_start`` to ``char_end``."""

    chunk_id: UUID
    #: Counts from 0; pass the last one as ``after`` to go on.
    ordinal: int
    page_first: int
    page_last: int
    char_start: int
    char_end: int
    text: str

    @classmethod
    def of(cls, chunk: StoredChunk) -> "ChunkShown":
        """Return a chunk as it is shown."""
        return cls(
            chunk_id=chunk.chunk_id,
            ordinal=chunk.ordinal,
            page_first=chunk.page_first,
            page_last=chunk.page_last,
            char_start=chunk.char_start,
            char_end=chunk.char_end,
            text=chunk.text,
        )


class ChunkPage(Page[ChunkShown], frozen=True):
    """Some chunks, in their order."""


def _error(job: Job) -> JobError | None:
    if job.error_code is None:
        return None
    return JobError(code=job.error_code, message=job.error_message or "")
