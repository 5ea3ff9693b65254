"""API keys: how programs log in as the user who made the key."""
# ruff: noqa: S608 - statements are put together from constants, never from values

import uuid
from dataclasses import dataclass
from datetime import datetime

from contracts.ids import UserId
from runtime.postgres import Connection

# What is shown of a key; its hash is not.
_COLUMNS = "key_id, user_id, name, prefix, created_at, last_used_at, revoked_at"

CREATE = f"""
INSERT INTO api_keys (key_id, tenant_id, user_id, name, key_hash, prefix)
VALUES ($1, current_tenant(), $2, $3, $4, $5)
RETURNING {_COLUMNS}
"""

GET = f"SELECT {_COLUMNS} FROM api_keys WHERE tenant_id = current_tenant() AND key_id = $1"

# A page of the tenant's keys, newest first, after a given key; revoked ones are shown as such.
LIST = f"""
SELECT {_COLUMNS} FROM api_keys
WHERE tenant_id = current_tenant()
  AND ($3::uuid IS NULL OR user_id = $3)
  AND (created_at, key_id) < (
      CASE WHEN $2::uuid IS NULL THEN 'infinity'
           ELSE (SELECT created_at FROM api_keys WHERE key_id = $2) END, $2)
ORDER BY created_at DESC, key_id DESC
LIMIT $1
"""

REVOKE = """
UPDATE api_keys SET revoked_at = now()
WHERE tenant_id = current_tenant() AND key_id = $1 AND revoked_at IS NULL
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiKey:
    """A key, without the secret."""

    key_id: uuid.UUID
    user_id: UserId
    name: str
    #: The beginning of the key, by which a person recognises it.
    prefix: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


class ApiKeys:
    """The keys of one tenant's users."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def create(
        self, key_id: uuid.UUID, user_id: UserId, name: str, key_hash: bytes, prefix: str
    ) -> ApiKey:
        """Keep the SHA-256 of a new key."""
        rows = await self._connection.rows(CREATE, key_id, user_id, name, key_hash, prefix)
        return ApiKey(**rows[0])

    async def get(self, key_id: uuid.UUID) -> ApiKey | None:
        """Return a key, revoked or not."""
        row = await self._connection.row(GET, key_id)
        return None if row is None else ApiKey(**row)

    async def list(
        self, *, limit: int, after: uuid.UUID | None = None, user_id: UserId | None = None
    ) -> list[ApiKey]:
        """Return at most ``limit`` keys, newest first, from the one that follows ``after``.

        With a ``user_id``, only that user's.
        """
        rows = await self._connection.rows(LIST, limit, after, user_id)
        return [ApiKey(**row) for row in rows]

    async def revoke(self, key_id: uuid.UUID) -> bool:
        """End a key; False when there is none, or it was ended before."""
        return await self._connection.change(REVOKE, key_id) == 1
