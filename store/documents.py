"""Documents: accepted once per content, processed by version, deleted without a trace."""
# ruff: noqa: S608 - statements are put together from constants, never from values

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contracts.documents import JobStatus
from contracts.ids import DocumentId, JobId
from runtime.postgres import Connection
from store.chunks import Chunks, StoredChunk
from store.deletion import Deleted, Deletion
from store.generations import Generations
from store.uploads import Accepted, NewDocument, Uploads

__all__ = ["Accepted", "Deleted", "Document", "Documents", "NewDocument"]

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


class Documents:
    """The documents of one tenant."""

    def __init__(self, connection: Connection, chunks: Chunks, generations: Generations) -> None:
        self._connection = connection
        self._uploads = Uploads(connection)
        self._deletion = Deletion(connection, chunks)
        self._chunks = chunks
        self._generations = generations

    async def accept(self, new: NewDocument, *, trace_id: str | None) -> Accepted:
        """Begin to process a file, unless the same bytes are being processed or indexed already.

        What failed or was deleted begins again as the next version. Of two uploads of the same
        bytes at once, one begins and the other is told so.
        """
        return await self._uploads.accept(new, trace_id=trace_id)

    async def lock_uploads(self, document_id: DocumentId) -> None:
        """Let no upload of these bytes be accepted until the transaction ends."""
        await self._uploads.lock(document_id)

    async def delete(self, document_id: DocumentId) -> Deleted | None:
        """Delete a document with all that was derived from it; None when there is none.

        The row stays as a fence without content. Embeddings of texts that no other document of the
        tenant has go, too. Its blobs are not ours: see ``Housekeeping.to_purge``.
        """
        return await self._deletion.delete(document_id)

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
