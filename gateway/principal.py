"""Who is asking: the result of a checked token or key."""

from dataclasses import dataclass
from enum import StrEnum

from contracts.ids import TenantId, UserId


class Role(StrEnum):
    """What a user may do in its tenant; ``operator`` is of the whole installation."""

    admin = "admin"
    member = "member"
    viewer = "viewer"
    operator = "operator"


class Credential(StrEnum):
    """How the caller showed who it is."""

    token = "token"  # noqa: S105 - the name of a kind, no secret
    api_key = "api_key"
    #: EXTERNAL_RAG_API_KEY: one other system, for search and questions only.
    external = "external"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """An authenticated caller; everything it does happens in its one tenant."""

    tenant_id: TenantId
    user_id: UserId
    role: Role
    credential: Credential = Credential.token

    @property
    def is_admin(self) -> bool:
        """Whether the caller manages its tenant; an operator is the first user of its own."""
        return self.role in {Role.admin, Role.operator}
