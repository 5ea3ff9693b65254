"""Bringing back what is derived from a document, and its own rows where they are lost."""

from contracts import ids
from contracts.documents import DocumentParsed, DocumentUploaded
from contracts.ids import DocumentId
from runtime.postgres import Connection
from store.generations import Generations
from store.tables import chunks_table

# The row of an upload that is lost. One that is there stays as it is, above all a deleted one.
RESTORE_DOCUMENT = """
INSERT INTO documents (document_id, tenant_id, version, sha256, filename, media_type, size,
                       knowledge_base, metadata, blob_key, created_at)
VALUES ($1, current_tenant(), $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (document_id) DO NOTHING
"""
RESTORE_PAGES = """
UPDATE documents
SET artefact_key = $3, parser = $4, pages = $5, characters = $6, updated_at = now()
WHERE tenant_id = current_tenant() AND document_id = $1 AND version = $2 AND deleted_at IS NULL
  AND artefact_key IS NULL
"""
RESTORE_JOB = """
INSERT INTO jobs (job_id, tenant_id, document_id, version, status, published_at)
VALUES ($1, current_tenant(), $2, $3, 'chunking', now())
ON CONFLICT DO NOTHING
"""
RESTORE_STAGES = """
INSERT INTO job_stages (job_id, tenant_id, name, state, done, total, finished_at)
SELECT $1, current_tenant(), name, CASE WHEN name = 'parse' THEN 'done' ELSE 'waiting' END,
       CASE WHEN name = 'parse' THEN $2 ELSE 0 END, CASE WHEN name = 'parse' THEN $2 END,
       CASE WHEN name = 'parse' THEN now() END
FROM unnest(ARRAY['parse', 'chunk', 'embed']) AS name
ON CONFLICT DO NOTHING
"""

# Has a generation all chunks of this version that it says it has?
IS_WHOLE = """
SELECT indexed_at IS NOT NULL AND chunks_total = (
    SELECT count(*) FROM {chunks}
    WHERE tenant_id = current_tenant() AND document_id = $1 AND version = $2)
FROM document_generations
WHERE tenant_id = current_tenant() AND document_id = $1 AND version = $2 AND generation_id = $3
"""
# What is counted anew must be done anew.
FORGET_PROGRESS = """
DELETE FROM document_generations
WHERE tenant_id = current_tenant() AND document_id = $1 AND version = $2 AND generation_id = $3
"""
FORGET_LEDGER = """
DELETE FROM ledger
WHERE tenant_id = current_tenant() AND document_id = $1 AND version = $2 AND generation = $3
  AND stage IN ('chunk', 'embed')
"""

# The chunks of a part, to be written anew.
REMOVE_PART = """
DELETE FROM {chunks}
WHERE tenant_id = current_tenant() AND document_id = $1 AND version = $2 AND part = $3
"""


class Rebuilding:
    """What one tenant's documents get back from the log."""

    def __init__(self, connection: Connection, generations: Generations) -> None:
        self._connection = connection
        self._generations = generations

    async def restore_document(self, event: DocumentUploaded) -> bool:
        """Write the row of a document that has none; False when there is one, deleted or not."""
        return (
            await self._connection.change(
                RESTORE_DOCUMENT,
                event.document_id,
                event.version,
                bytes.fromhex(event.sha256),
                event.filename,
                event.media_type,
                event.size,
                event.knowledge_base,
                event.metadata,
                event.blob_key,
                event.uploaded_at,
            )
            == 1
        )

    async def restore_progress(self, event: DocumentParsed) -> None:
        """Write what is lost of a document's pages and job; what is there stays as it is."""
        await self._connection.change(
            RESTORE_PAGES,
            event.document_id,
            event.version,
            event.artefact_key,
            event.parser,
            event.pages,
            event.characters,
        )
        job = ids.job_id(event.document_id, event.version)
        await self._connection.change(RESTORE_JOB, job, event.document_id, event.version)
        await self._connection.change(RESTORE_STAGES, job, event.pages)

    async def forget_what_is_not_whole(self, document_id: DocumentId, version: int) -> None:
        """Let the document be counted anew where a generation lacks some of its chunks."""
        for generation in await self._generations.targets():
            number = generation.generation_id
            statement = IS_WHOLE.format(chunks=chunks_table(number))
            if not await self._connection.value(statement, document_id, version, number):
                await self._connection.change(FORGET_PROGRESS, document_id, version, number)
                await self._connection.change(FORGET_LEDGER, document_id, version, number)

    async def remove_part(
        self, generation: int, document_id: DocumentId, version: int, part: int
    ) -> None:
        """Remove a part's chunks, which the same transaction writes anew."""
        statement = REMOVE_PART.format(chunks=chunks_table(generation))
        await self._connection.change(statement, document_id, version, part)
