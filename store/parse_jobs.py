"""The provider's job of a parse, stored before it is polled: nothing is parsed twice."""

from contracts.ids import DocumentId
from runtime.postgres import Connection

FIND = """
SELECT external_id FROM parse_jobs
WHERE tenant_id = current_tenant() AND document_id = $1 AND version = $2 AND provider = $3
"""

# The newest job counts.
REMEMBER = """
INSERT INTO parse_jobs (document_id, version, tenant_id, provider, external_id)
VALUES ($1, $2, current_tenant(), $3, $4)
ON CONFLICT (document_id, version, provider)
DO UPDATE SET external_id = excluded.external_id, created_at = now()
"""

FORGET = """
DELETE FROM parse_jobs
WHERE tenant_id = current_tenant() AND document_id = $1 AND version = $2 AND provider = $3
"""


class ParseJobs:
    """The parses under way of one tenant."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def find(self, document_id: DocumentId, version: int, provider: str) -> str | None:
        """Return the provider's id of the parse, None when none was begun."""
        found: str | None = await self._connection.value(FIND, document_id, version, provider)
        return found

    async def remember(
        self, document_id: DocumentId, version: int, provider: str, external_id: str
    ) -> None:
        """Keep the provider's id of a parse that was just begun."""
        await self._connection.change(REMEMBER, document_id, version, provider, external_id)

    async def forget(self, document_id: DocumentId, version: int, provider: str) -> None:
        """Drop the id of a parse that the provider knows no more, so that a new one begins."""
        await self._connection.change(FORGET, document_id, version, provider)
