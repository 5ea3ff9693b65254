"""Processing a document again: from its file, as another version, or from its pages."""

from contracts import ids
from contracts.ids import DocumentId
from runtime.postgres import Connection
from store.uploads import CREATE_JOB, CREATE_STAGES

# Who uploads the same bytes, deletes the document or works on it is waited for.
LOCK = """
SELECT FROM documents
WHERE tenant_id = current_tenant() AND document_id = $1 AND version = $2 AND deleted_at IS NULL
FOR UPDATE
"""

# The same file, to be parsed anew. The pages of the version before stay where answers cite them.
NEXT_VERSION = """
UPDATE documents
SET version = version + 1, artefact_key = NULL, parser = NULL, pages = NULL, characters = NULL,
    pages_billed = 0, updated_at = now()
WHERE tenant_id = current_tenant() AND document_id = $1
"""


class Reprocessing:
    """Begins one tenant's documents again."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def lock(self, document_id: DocumentId, version: int) -> bool:
        """Keep a document as it is until the transaction ends; False when it is not this one."""
        return await self._connection.row(LOCK, document_id, version) is not None

    async def begin_next_version(
        self, document_id: DocumentId, version: int, *, trace_id: str | None
    ) -> None:
        """Make the version after this one, with a job; call it with the document locked."""
        job = ids.job_id(document_id, version + 1)
        await self._connection.change(NEXT_VERSION, document_id)
        await self._connection.change(CREATE_JOB, job, document_id, version + 1, trace_id)
        await self._connection.change(CREATE_STAGES, job)
