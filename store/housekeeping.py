"""Housekeeping: what is removed some time after it stopped to matter."""

from dataclasses import dataclass
from datetime import datetime

from contracts.ids import DocumentId, TenantId
from runtime.postgres import Connection

# Deleted documents whose blobs may still be there, the oldest first.
TO_PURGE = """
SELECT tenant_id, document_id, version, deleted_at
FROM documents
WHERE deleted_at IS NOT NULL AND purged_at IS NULL
ORDER BY deleted_at
LIMIT $1
"""

# Their blobs are gone, unless the document was uploaded again meanwhile.
MARK_PURGED = """
UPDATE documents SET purged_at = now() WHERE document_id = $1 AND deleted_at = $2
"""

# A request is not repeated after a day.
DROP_IDEMPOTENCY_KEYS = """
DELETE FROM idempotency_keys WHERE created_at < now() - interval '24 hours'
"""

# A refresh token that has expired is refused whether it is known or not.
DROP_REFRESH_TOKENS = "DELETE FROM refresh_tokens WHERE expires_at < now() - interval '1 day'"


@dataclass(frozen=True, kw_only=True, slots=True)
class DeletedDocument:
    """A deleted document: the blobs of its versions, up to this one, are to be removed."""

    tenant_id: TenantId
    document_id: DocumentId
    version: int
    deleted_at: datetime


class Housekeeping:
    """What one process does for all tenants, now and then."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def to_purge(self, limit: int) -> list[DeletedDocument]:
        """Return deleted documents whose blobs may still be there, the oldest first."""
        return [DeletedDocument(**row) for row in await self._connection.rows(TO_PURGE, limit)]

    async def mark_purged(self, document_id: DocumentId, deleted_at: datetime) -> None:
        """Note that a deleted document's blobs are gone; nothing when it was uploaded again."""
        await self._connection.change(MARK_PURGED, document_id, deleted_at)

    async def drop_old_idempotency_keys(self) -> int:
        """Remove idempotency keys of more than a day ago; return how many."""
        return await self._connection.change(DROP_IDEMPOTENCY_KEYS)

    async def drop_old_refresh_tokens(self) -> int:
        """Remove refresh tokens that expired more than a day ago; return how many."""
        return await self._connection.change(DROP_REFRESH_TOKENS)
