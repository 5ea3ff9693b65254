"""How far a document is in a generation, counted in parts."""

from dataclasses import dataclass

from contracts.ids import DocumentId
from runtime.postgres import Connection

# How many parts and chunks will come. Said again, it changes nothing, except where nothing was
# known because it had failed.
EXPECT = """
INSERT INTO document_generations (document_id, version, generation_id, tenant_id, part_count,
                                  chunks_total)
VALUES ($1, $2, $3, current_tenant(), $4, $5)
ON CONFLICT (document_id, version, generation_id) DO UPDATE
SET part_count = excluded.part_count, chunks_total = excluded.chunks_total, failed_at = NULL
WHERE document_generations.part_count = 0
"""

# A generation that is not active has to do without the document, until somebody tries again.
FAIL = """
INSERT INTO document_generations (document_id, version, generation_id, tenant_id, part_count,
                                  chunks_total, failed_at)
VALUES ($1, $2, $3, current_tenant(), 0, 0, now())
ON CONFLICT (document_id, version, generation_id) DO UPDATE SET failed_at = now()
"""

# Only one at a time counts a part of a document.
LOCK = """
SELECT FROM document_generations
WHERE tenant_id = current_tenant() AND document_id = $1 AND version = $2 AND generation_id = $3
FOR UPDATE
"""

# A part is in. The row's lock makes the last parts of a document come one after the other, so
# exactly one of them finds that it is the last.
COMPLETE = """
UPDATE document_generations
SET parts_done = parts_done + 1,
    chunks_done = chunks_done + $4,
    embedding_tokens = embedding_tokens + $5,
    indexed_at = CASE WHEN parts_done + 1 = part_count THEN now() END,
    failed_at = CASE WHEN parts_done + 1 < part_count THEN failed_at END
WHERE tenant_id = current_tenant()
  AND document_id = $1 AND version = $2 AND generation_id = $3 AND parts_done < part_count
RETURNING parts_done, part_count, chunks_done, chunks_total, parts_done = part_count AS is_last
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class PartProgress:
    """What is in; ``is_last`` is said to one caller only."""

    parts_done: int
    part_count: int
    chunks_done: int
    chunks_total: int
    is_last: bool


class DocumentParts:
    """The parts of one tenant's documents."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def expect(
        self,
        document_id: DocumentId,
        version: int,
        generation: int,
        *,
        part_count: int,
        chunks_total: int,
    ) -> None:
        """Note how much of a document will come; to say it again changes nothing.

        Unless it was given up before its parts were known: then it is tried again.
        """
        await self._connection.change(
            EXPECT, document_id, version, generation, part_count, chunks_total
        )

    async def fail(self, document_id: DocumentId, version: int, generation: int) -> None:
        """Note that a generation lacks a document because its work was given up."""
        await self._connection.change(FAIL, document_id, version, generation)

    async def lock(self, document_id: DocumentId, version: int, generation: int) -> None:
        """Let nobody else count parts of this document until the transaction ends."""
        await self._connection.row(LOCK, document_id, version, generation)

    async def complete(
        self, document_id: DocumentId, version: int, generation: int, *, chunks: int, tokens: int
    ) -> PartProgress:
        """Count a part whose chunks were written in this transaction.

        The caller counts each part once (see ``Ledger.record``). LookupError when more parts come
        than were expected, or none were.
        """
        row = await self._connection.row(COMPLETE, document_id, version, generation, chunks, tokens)
        if row is None:
            raise LookupError(
                f"No part of document {document_id}, version {version}, is expected "
                f"in generation {generation}."
            )
        return PartProgress(**row)
