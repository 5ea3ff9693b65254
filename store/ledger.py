"""What a stage has done, with the events that follow: a record that comes again only publishes."""

from dataclasses import dataclass

from contracts.documents import StageName
from contracts.ids import DocumentId
from runtime.postgres import Connection

# The events that a piece of work led to, if it was done.
FIND = """
SELECT outgoing FROM ledger
WHERE tenant_id = current_tenant() AND document_id = $1 AND version = $2 AND stage = $3
  AND generation = $4 AND part = $5 AND replay_id = $6
"""

# Was it done in normal life, or in any replay?
IS_DONE = """
SELECT FROM ledger
WHERE tenant_id = current_tenant() AND document_id = $1 AND version = $2 AND stage = $3
  AND generation = $4 AND part = $5
LIMIT 1
"""

# It is done. Two who did it at once wait for each other here, and the second learns of the first.
RECORD = """
INSERT INTO ledger (tenant_id, document_id, version, stage, generation, part, replay_id, outgoing)
VALUES (current_tenant(), $1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (document_id, version, stage, generation, part, replay_id) DO NOTHING
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerKey:
    """One piece of work: a stage of a version, where it matters of one generation's part."""

    stage: StageName
    document_id: DocumentId
    version: int
    generation: int = 0
    part: int = 0
    replay_id: str = ""


class Ledger:
    """The work done on one tenant's documents."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def find(self, key: LedgerKey) -> bytes | None:
        """Return what this work led to, as it was recorded; None when it was not done yet."""
        outgoing: bytes | None = await self._connection.value(FIND, *_columns(key))
        return outgoing

    async def is_done(self, key: LedgerKey) -> bool:
        """Say whether this work was done before, in whatever replay."""
        found = await self._connection.row(IS_DONE, *_columns(key)[:-1])
        return found is not None

    async def record(self, key: LedgerKey, outgoing: bytes) -> bool:
        """Record work in the transaction that has its effects; False when it was done before.

        On False the transaction must not commit its effects.
        """
        return await self._connection.change(RECORD, *_columns(key), outgoing) == 1


def _columns(key: LedgerKey) -> tuple[object, ...]:
    return (
        key.document_id,
        key.version,
        key.stage,
        key.generation,
        key.part,
        key.replay_id,
    )
