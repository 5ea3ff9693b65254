"""Documents: accepted once per content, processed by version, deleted without a trace."""
# ruff: noqa: S608 - statements are put together from constants, never from values

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contracts import ids
from contracts.documents import JobStatus
from contracts.ids import DocumentId, JobId
from runtime.postgres import Connection
from store.chunks import Chunks, StoredChunk
from store.generations import Generations

# A document as it is shown: with the job of its version, and its chunks in the active generation.
_SHOWN = """
SELECT document.document_id, document.version, document.sha256, document.filename,
       document.media_type, document.size, document.knowledge_base, document.metadata,
       document.blob_key, document.artefact_key, document.parser, document.pages,
       document.characters, coalesce(progress.chunks_done, 0) AS chunks,
       job.status, job.job_id, document.created_at, document.updated_at
FROM documents document
JOIN jobs job ON job.document_id = document.document_id AND job.version = document.version
LEFT JOIN document_generations progress
       ON progress.document_id = document.document_id AND progress.version = document.version
      AND progress.generation_id = (SELECT generation_id FROM generations WHERE state = 'active')
WHERE document.tenant_id = current_tenant() AND document.deleted_at IS NULL
"""

# One document.
GET = f"{_SHOWN} AND document.document_id = $1"

# A page of the list, newest first, after a given document.
LIST = f"""{_SHOWN}
  AND (document.created_at, document.document_id) < (
      CASE WHEN $2::uuid IS NULL THEN 'infinity'
           ELSE (SELECT created_at FROM documents WHERE document_id = $2) END, $2)
  AND ($3::text IS NULL OR document.knowledge_base = $3)
ORDER BY document.created_at DESC, document.document_id DESC
LIMIT $1
"""

# The first upload of these bytes. Nothing happens when there was one: two uploads at once wait
# for each other here.
INSERT = """
INSERT INTO documents (document_id, tenant_id, version, sha256, filename, media_type, size,
                       knowledge_base, metadata, blob_key)
VALUES ($1, current_tenant(), 1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (document_id) DO NOTHING
"""

# The document of an upload that is not the first. A statement of its own: the job must be read
# after the lock was had, not before.
LOCK_FOR_UPLOAD = """
SELECT version, blob_key, deleted_at IS NOT NULL AS deleted
FROM documents
WHERE tenant_id = current_tenant() AND document_id = $1
FOR UPDATE
"""
JOB_STATUS = "SELECT status FROM jobs WHERE tenant_id = current_tenant() AND job_id = $1"

# Begin again, after a failure or a deletion: another version, and what is known of the old one
# no longer counts.
REVIVE = """
UPDATE documents
SET version = $2, filename = $3, media_type = $4, size = $5, knowledge_base = $6, metadata = $7,
    blob_key = $8, artefact_key = NULL, parser = NULL, pages = NULL, characters = NULL,
    pages_billed = 0, updated_at = now(), deleted_at = NULL, purged_at = NULL,
    created_at = CASE WHEN deleted_at IS NULL THEN created_at ELSE now() END
WHERE tenant_id = current_tenant() AND document_id = $1
"""

# The job of a version, and its three stages.
CREATE_JOB = """
INSERT INTO jobs (job_id, tenant_id, document_id, version, status, trace_id)
VALUES ($1, current_tenant(), $2, $3, 'accepted', $4)
"""
CREATE_STAGES = """
INSERT INTO job_stages (job_id, tenant_id, name, state)
SELECT $1, current_tenant(), name, 'waiting' FROM unnest(ARRAY['parse', 'chunk', 'embed']) AS name
"""

# Is this still the version to work on? FOR SHARE keeps the answer true until the transaction ends.
IS_CURRENT = """
SELECT FROM documents
WHERE tenant_id = current_tenant() AND document_id = $1 AND version = $2 AND deleted_at IS NULL
"""
LOCK_CURRENT = f"{IS_CURRENT} FOR SHARE"

# What the parser found out.
MARK_PARSED = """
UPDATE documents
SET artefact_key = $3, parser = $4, pages = $5, characters = $6, pages_billed = $7,
    updated_at = now()
WHERE tenant_id = current_tenant() AND document_id = $1 AND version = $2 AND deleted_at IS NULL
"""

# Deleting: whoever works on the document is waited for, and finds it deleted afterwards.
LOCK_FOR_DELETE = """
SELECT version FROM documents
WHERE tenant_id = current_tenant() AND document_id = $1 AND deleted_at IS NULL
FOR UPDATE
"""
# The row stays, without content, as a fence for what is still on its way.
FENCE = """
UPDATE documents
SET filename = '', metadata = '{}', knowledge_base = '', blob_key = '', artefact_key = NULL,
    parser = NULL, deleted_at = now(), updated_at = now()
WHERE tenant_id = current_tenant() AND document_id = $1
"""
FORGET_PROGRESS = """
DELETE FROM document_generations WHERE tenant_id = current_tenant() AND document_id = $1
"""
FORGET_LEDGER = "DELETE FROM ledger WHERE tenant_id = current_tenant() AND document_id = $1"
FORGET_PARSE_JOBS = "DELETE FROM parse_jobs WHERE tenant_id = current_tenant() AND document_id = $1"
# Nobody of the tenant reads them; what they hold of this document goes.
FORGET_DEAD_LETTERS = """
DELETE FROM dead_letters WHERE tenant_id = current_tenant() AND document_id = $1
"""
END_JOBS = """
UPDATE jobs
SET status = 'deleted', finished_at = now(), updated_at = now(), revision = revision + 1
WHERE tenant_id = current_tenant() AND document_id = $1 AND finished_at IS NULL
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class NewDocument:
    """A file that was just stored."""

    document_id: DocumentId
    #: Of its bytes, 32 bytes long.
    sha256: bytes
    filename: str
    media_type: str
    #: In bytes.
    size: int
    knowledge_base: str
    metadata: dict[str, str | int | float | bool | None]
    #: Where the bytes of a version are kept.
    blob_key_for: Callable[[int], str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Accepted:
    """What became of an upload; ``deduplicated`` says that nothing was written."""

    document_id: DocumentId
    job_id: JobId
    version: int
    status: JobStatus
    deduplicated: bool
    blob_key: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """A document that is not deleted, with the state of its processing."""

    document_id: DocumentId
    version: int
    sha256: bytes
    filename: str
    media_type: str
    size: int
    knowledge_base: str
    metadata: dict[str, Any]
    blob_key: str
    artefact_key: str | None
    parser: str | None
    pages: int | None
    characters: int | None
    #: In the active generation, so far.
    chunks: int
    status: JobStatus
    job_id: JobId
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Deleted:
    """The fence that a deleted document leaves."""

    document_id: DocumentId
    version: int
    job_id: JobId


class Documents:
    """The documents of one tenant."""

    def __init__(self, connection: Connection, chunks: Chunks, generations: Generations) -> None:
        self._connection = connection
        self._chunks = chunks
        self._generations = generations

    async def accept(self, new: NewDocument, *, trace_id: str | None) -> Accepted:
        """Begin to process a file, unless the same bytes are being processed or indexed already.

        What failed or was deleted begins again as the next version. Of two uploads of the same
        bytes at once, one begins and the other is told so.
        """
        if await self._connection.change(INSERT, *_columns(new, 1)):
            return await self._begin(new, 1, trace_id)
        known = await self._connection.row(LOCK_FOR_UPLOAD, new.document_id)
        if known is None:
            raise RuntimeError(f"Document {new.document_id} belongs to another tenant.")
        version: int = known["version"]
        job = ids.job_id(new.document_id, version)
        status: JobStatus = await self._connection.value(JOB_STATUS, job)
        if not known["deleted"] and status != "failed":
            return Accepted(
                document_id=new.document_id,
                job_id=job,
                version=version,
                status=status,
                deduplicated=True,
                blob_key=known["blob_key"],
            )
        document, _sha256, *columns = _columns(new, version + 1)
        await self._connection.change(REVIVE, document, version + 1, *columns)
        return await self._begin(new, version + 1, trace_id)

    async def _begin(self, new: NewDocument, version: int, trace_id: str | None) -> Accepted:
        job = ids.job_id(new.document_id, version)
        await self._connection.change(CREATE_JOB, job, new.document_id, version, trace_id)
        await self._connection.change(CREATE_STAGES, job)
        return Accepted(
            document_id=new.document_id,
            job_id=job,
            version=version,
            status="accepted",
            deduplicated=False,
            blob_key=new.blob_key_for(version),
        )

    async def get(self, document_id: DocumentId) -> Document | None:
        """Return a document; None when it was deleted or is another tenant's."""
        row = await self._connection.row(GET, document_id)
        return None if row is None else Document(**row)

    async def is_current(self, document_id: DocumentId, version: int) -> bool:
        """Say whether this version is the newest of a document that is not deleted."""
        return await self._connection.row(IS_CURRENT, document_id, version) is not None

    async def lock_current(self, document_id: DocumentId, version: int) -> bool:
        """Say the same, and keep it so until the transaction ends."""
        return await self._connection.row(LOCK_CURRENT, document_id, version) is not None

    async def mark_parsed(  # noqa: PLR0913 - one fact each, all found out at once
        self,
        document_id: DocumentId,
        version: int,
        *,
        artefact_key: str,
        parser: str,
        pages: int,
        characters: int,
        pages_billed: int,
    ) -> None:
        """Note where the parsed text is and what it measures; a later version stays as it is."""
        await self._connection.change(
            MARK_PARSED,
            document_id,
            version,
            artefact_key,
            parser,
            pages,
            characters,
            pages_billed,
        )

    async def delete(self, document_id: DocumentId) -> Deleted | None:
        """Delete a document with all that was derived from it; None when there is none.

        The row stays as a fence without content. Embeddings of texts that no other document of the
        tenant has go, too. Its blobs are not ours: see ``Housekeeping.to_purge``.
        """
        version: int | None = await self._connection.value(LOCK_FOR_DELETE, document_id)
        if version is None:
            return None
        await self._connection.change(FENCE, document_id)
        await self._chunks.remove_document(document_id)
        for statement in (
            FORGET_PROGRESS,
            FORGET_LEDGER,
            FORGET_PARSE_JOBS,
            FORGET_DEAD_LETTERS,
            END_JOBS,
        ):
            await self._connection.change(statement, document_id)
        return Deleted(
            document_id=document_id, version=version, job_id=ids.job_id(document_id, version)
        )

    async def chunks(
        self, document_id: DocumentId, *, limit: int, after: int | None = None
    ) -> list[StoredChunk]:
        """Return the chunks of the active generation from the ordinal that follows ``after``."""
        active = await self._generations.active()
        if active is None:
            return []
        return await self._chunks.of_document(
            active.generation_id, document_id, limit=limit, after=after
        )

    async def list(
        self, *, limit: int, after: DocumentId | None = None, knowledge_base: str | None = None
    ) -> list[Document]:
        """Return at most ``limit`` documents, newest first, from the one that follows ``after``."""
        rows = await self._connection.rows(LIST, limit, after, knowledge_base)
        return [Document(**row) for row in rows]


def _columns(new: NewDocument, version: int) -> tuple[object, ...]:
    return (
        new.document_id,
        new.sha256,
        new.filename,
        new.media_type,
        new.size,
        new.knowledge_base,
        new.metadata,
        new.blob_key_for(version),
    )
