"""Accounts: registration and login, before it is known which tenant is asking."""

import uuid

from contracts import ids
from contracts.ids import UserId
from runtime.postgres import Connection
from store.api_keys import ApiKey
from store.refresh_tokens import RefreshTokens
from store.users import EmailTaken, Role, User

__all__ = ["Accounts", "EmailTaken", "User"]

CREATE_TENANT = "INSERT INTO tenants (tenant_id, name) VALUES ($1, $2)"

# An address belongs to one user of the whole installation, in whatever case it is written.
CREATE_USER = """
INSERT INTO users (user_id, tenant_id, email, password_hash, role)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (lower(email)) DO NOTHING
"""

# A user; disabled when their tenant is deleted, too.
_USER = """
SELECT person.user_id, person.tenant_id, person.email, person.password_hash, person.role,
       person.disabled_at IS NOT NULL OR tenant.deleted_at IS NOT NULL AS disabled,
       person.created_at
FROM users person JOIN tenants tenant ON tenant.tenant_id = person.tenant_id
"""
BY_EMAIL = f"{_USER} WHERE lower(person.email) = lower($1)"
BY_ID = f"{_USER} WHERE person.user_id = $1"

# The key behind a hash, unless it was revoked.
KEY = """
SELECT key_id, user_id, name, prefix, created_at, last_used_at, revoked_at
FROM api_keys
WHERE key_hash = $1 AND revoked_at IS NULL
"""

# Once a minute is enough to see which keys are in use.
TOUCH_KEY = """
UPDATE api_keys SET last_used_at = now()
WHERE key_id = $1 AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
"""


class Accounts:
    """The users and keys of all tenants."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._tokens = RefreshTokens(connection)

    async def register(
        self, tenant_name: str, email: str, password_hash: str, role: Role = "admin"
    ) -> User:
        """Create a tenant with its first user; EmailTaken must leave the transaction."""
        tenant, user = ids.TenantId(ids.new_id()), UserId(ids.new_id())
        await self._connection.change(CREATE_TENANT, tenant, tenant_name)
        if not await self._connection.change(CREATE_USER, user, tenant, email, password_hash, role):
            raise EmailTaken
        made = await self.by_id(user)
        if made is None:
            raise RuntimeError("The user who was just created is not there.")
        return made

    async def by_email(self, email: str) -> User | None:
        """Return the user with an address, in whatever case it is written."""
        row = await self._connection.row(BY_EMAIL, email)
        return None if row is None else User(**row)

    async def by_id(self, user_id: UserId) -> User | None:
        """Return a user, disabled or not."""
        row = await self._connection.row(BY_ID, user_id)
        return None if row is None else User(**row)

    async def key_owner(self, key_hash: bytes) -> tuple[User, ApiKey] | None:
        """Return a key by its SHA-256, and whose it is; None when either is not in force."""
        row = await self._connection.row(KEY, key_hash)
        if row is None:
            return None
        key = ApiKey(**row)
        owner = await self.by_id(key.user_id)
        if owner is None or owner.disabled:
            return None
        await self._connection.change(TOUCH_KEY, key.key_id)
        return owner, key

    async def save_token(
        self, token_hash: bytes, *, family_id: uuid.UUID, user: User, expires_seconds: float
    ) -> None:
        """Keep the SHA-256 of the first refresh token of a login (its family)."""
        await self._tokens.save(
            token_hash, family_id=family_id, user=user, expires_seconds=expires_seconds
        )

    async def rotate_token(
        self, old_hash: bytes, new_hash: bytes, *, expires_seconds: float
    ) -> User | None:
        """Replace a refresh token; None when it is not good (any more).

        One that was used before ends its whole login, so on None the transaction must commit:
        raise after it, not inside.
        """
        user_id = await self._tokens.rotate(old_hash, new_hash, expires_seconds=expires_seconds)
        if user_id is None:
            return None
        user = await self.by_id(user_id)
        if user is None or user.disabled:
            await self._tokens.revoke(new_hash)
            return None
        return user

    async def revoke_family(self, token_hash: bytes) -> None:
        """End the login that a token belongs to; an unknown token is nobody's."""
        await self._tokens.revoke(token_hash)
