"""Users: whoever logs in, each of one tenant."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from contracts import ids
from contracts.errors import Rejected
from contracts.ids import TenantId, UserId
from runtime.postgres import Connection

Role = Literal["admin", "member", "viewer", "operator"]

# Another user of the tenant. An address belongs to one user of the whole installation, in
# whatever case it is written.
ADD = """
INSERT INTO users (user_id, tenant_id, email, password_hash, role)
VALUES ($1, current_tenant(), $2, $3, $4)
ON CONFLICT (lower(email)) DO NOTHING
RETURNING user_id, tenant_id, email, role, disabled_at IS NOT NULL AS disabled, created_at
"""

# The users of the tenant, the first one first.
LIST = """
SELECT user_id, tenant_id, email, role, disabled_at IS NOT NULL AS disabled, created_at
FROM users
WHERE tenant_id = current_tenant()
ORDER BY created_at, user_id
"""


class EmailTaken(Rejected):
    """There is a user with this e-mail address already; log in, or take another address."""

    code = "email_taken"


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """A user, as others of the tenant may see them."""

    user_id: UserId
    tenant_id: TenantId
    email: str
    role: Role
    disabled: bool
    created_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class User(Member):
    """A user with what a password is checked against."""

    password_hash: str


class TenantUsers:
    """The users of one tenant; their password hashes cannot be read here."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(
        self, email: str, password_hash: str, role: Literal["admin", "member", "viewer"]
    ) -> User:
        """Add a user to the tenant; raises EmailTaken."""
        row = await self._connection.row(ADD, ids.new_id(), email, password_hash, role)
        if row is None:
            raise EmailTaken
        return User(**row, password_hash=password_hash)

    async def list(self) -> list[Member]:
        """Return the tenant's users, the first one first."""
        return [Member(**row) for row in await self._connection.rows(LIST)]
