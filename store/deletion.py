"""Deleting a document: everything that was derived from it goes, and a fence stays."""

from dataclasses import dataclass

from contracts import ids
from contracts.ids import DocumentId, JobId
from runtime.postgres import Connection
from store.chunks import Chunks

# Whoever works on the document is waited for, and finds it deleted afterwards.
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
WHERE tenant_id = current_tenant() AND document_id = $1 AND status <> 'deleted'
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Deleted:
    """The fence that a deleted document leaves."""

    document_id: DocumentId
    version: int
    job_id: JobId


class Deletion:
    """Deletes the documents of one tenant."""

    def __init__(self, connection: Connection, chunks: Chunks) -> None:
        self._connection = connection
        self._chunks = chunks

    async def delete(self, document_id: DocumentId) -> Deleted | None:
        """Delete a document, once nobody works on it; None when there is none."""
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
