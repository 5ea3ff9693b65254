"""Refresh tokens: each is good for one rotation; a second use ends the whole login."""

import uuid

from contracts.ids import UserId
from runtime.postgres import Connection
from store.users import User

# A new token of a login (its family).
SAVE = """
INSERT INTO refresh_tokens (token_hash, family_id, user_id, tenant_id, expires_at)
VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5))
"""

# The login that a token belongs to. What is done to one login is done one after the other: a
# rotation under way could otherwise leave a token that a revocation does not see.
FAMILY = "SELECT family_id FROM refresh_tokens WHERE token_hash = $1"
LOCK_FAMILY = "SELECT pg_advisory_xact_lock(hashtextextended($1::uuid::text, 0))"

STATE = """
SELECT user_id, tenant_id, used_at IS NOT NULL OR revoked_at IS NOT NULL AS spent,
       expires_at <= now() AS expired
FROM refresh_tokens
WHERE token_hash = $1
"""

USE = "UPDATE refresh_tokens SET used_at = now() WHERE token_hash = $1"

# None of the login's tokens is good any more.
REVOKE_FAMILY = """
UPDATE refresh_tokens SET revoked_at = now() WHERE family_id = $1 AND revoked_at IS NULL
"""


class RefreshTokens:
    """The logins of all users."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def save(
        self, token_hash: bytes, *, family_id: uuid.UUID, user: User, expires_seconds: float
    ) -> None:
        """Keep the SHA-256 of a login's first token."""
        await self._connection.change(
            SAVE, token_hash, family_id, user.user_id, user.tenant_id, expires_seconds
        )

    async def rotate(
        self, old_hash: bytes, new_hash: bytes, *, expires_seconds: float
    ) -> UserId | None:
        """Replace a token and return whose it is; None when it is not good (any more).

        One that was used before was stolen, from or by whoever sends it now: its login ends.
        """
        family = await self._locked_family(old_hash)
        if family is None:
            return None
        token = await self._connection.row(STATE, old_hash)
        if token is None or token["spent"]:
            await self._connection.change(REVOKE_FAMILY, family)
            return None
        if token["expired"]:
            return None
        await self._connection.change(USE, old_hash)
        await self._connection.change(
            SAVE, new_hash, family, token["user_id"], token["tenant_id"], expires_seconds
        )
        return UserId(token["user_id"])

    async def revoke(self, token_hash: bytes) -> None:
        """End the login that a token belongs to; an unknown token is nobody's."""
        family = await self._locked_family(token_hash)
        if family is not None:
            await self._connection.change(REVOKE_FAMILY, family)

    async def _locked_family(self, token_hash: bytes) -> uuid.UUID | None:
        family: uuid.UUID | None = await self._connection.value(FAMILY, token_hash)
        if family is not None:
            await self._connection.value(LOCK_FAMILY, family)
        return family
