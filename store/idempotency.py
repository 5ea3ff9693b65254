"""Idempotency keys: the same request again gets the same response."""

from typing import Any

from contracts.ids import UserId
from runtime.postgres import Connection

FIND = """
SELECT request_hash, response FROM idempotency_keys
WHERE tenant_id = current_tenant() AND user_id = $1 AND key = $2
"""

# Two requests with one key at once wait for each other here; the second learns of the first.
SAVE = """
INSERT INTO idempotency_keys (tenant_id, user_id, key, request_hash, response)
VALUES (current_tenant(), $1, $2, $3, $4)
ON CONFLICT (tenant_id, user_id, key) DO NOTHING
"""


class IdempotencyKeys:
    """The keys that one tenant's users sent with their requests."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def find(self, user_id: UserId, key: str) -> tuple[bytes, dict[str, Any]] | None:
        """Return the hash of the request that came with a key, and the response it got."""
        row = await self._connection.row(FIND, user_id, key)
        return None if row is None else (row["request_hash"], row["response"])

    async def save(
        self, user_id: UserId, key: str, request_hash: bytes, response: dict[str, Any]
    ) -> bool:
        """Keep a response; False when the key has one already."""
        return await self._connection.change(SAVE, user_id, key, request_hash, response) == 1
