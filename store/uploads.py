"""Uploads: the same bytes are processed once, and again only after a failure or a deletion."""

from collections.abc import Callable
from dataclasses import dataclass

from contracts import ids
from contracts.documents import JobStatus
from contracts.ids import DocumentId, JobId
from runtime.postgres import Connection

# Nobody else accepts this document, or sweeps its blobs, until the transaction ends.
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended($1::uuid::text, 0))"

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


class Uploads:
    """The files that one tenant's users upload."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def lock(self, document_id: DocumentId) -> None:
        """Let nobody else accept this document until the transaction ends."""
        await self._connection.row(LOCK, document_id)

    async def accept(self, new: NewDocument, *, trace_id: str | None) -> Accepted:
        """Begin to process a file, or say what became of the same bytes before."""
        await self.lock(new.document_id)
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
