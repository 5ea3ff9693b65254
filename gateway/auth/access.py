"""Who may call which endpoint: a row for each, to read and to hold the endpoints against.

The guards decide; a test calls every endpoint as every caller and compares with these rows.
"""

from collections.abc import Mapping
from enum import StrEnum

import msgspec


class Caller(StrEnum):
    """Kinds of callers, as far as endpoints tell them apart."""

    nobody = "nobody"
    external = "external system"
    viewer = "viewer"
    member = "member"
    admin = "admin"
    operator = "operator"
    #: A key may do what its user may, except what needs a login.
    admin_key = "admin's API key"


class Whose(StrEnum):
    """Whose things an endpoint shows or changes; to everybody else they do not exist."""

    tenant = "the tenant's"
    #: Also not those of others in the same tenant.
    caller = "the caller's"
    #: API keys: the caller's, and for admins all of the tenant.
    managed = "the caller's; an admin's: the tenant's"
    installation = "the installation's"


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """Who may call an endpoint, and whose things it is about; None where about nobody's."""

    callers: frozenset[Caller]
    whose: Whose | None

    def refusal(self, caller: Caller) -> int | None:
        """Return the status that this caller is refused with; None where it may call."""
        if caller in self.callers:
            return None
        return 401 if caller is Caller.nobody else 403


ANYBODY = frozenset(Caller)
KNOWN = ANYBODY - {Caller.nobody}
USERS = KNOWN - {Caller.external}
WRITERS = USERS - {Caller.viewer}
LOGGED_IN = USERS - {Caller.admin_key}
OPERATORS = frozenset({Caller.operator})
#: Nobody: to register, where that is open. Users are added by who has logged in as an admin.
REGISTRARS = frozenset({Caller.nobody, Caller.admin, Caller.operator})

_PUBLIC = Access(callers=ANYBODY, whose=None)
_REGISTER = Access(callers=REGISTRARS, whose=Whose.tenant)
_KEYS = Access(callers=LOGGED_IN, whose=Whose.managed)
_READ = Access(callers=USERS, whose=Whose.tenant)
_WRITE = Access(callers=WRITERS, whose=Whose.tenant)
_SEARCH = Access(callers=KNOWN, whose=Whose.tenant)
_ASK = Access(callers=KNOWN, whose=Whose.caller)
_OWN = Access(callers=USERS, whose=Whose.caller)
_OPERATE = Access(callers=OPERATORS, whose=Whose.installation)

#: By method and path, as in the OpenAPI document.
ACCESS: Mapping[tuple[str, str], Access] = {
    ("POST", "/api/v2/auth/users"): _REGISTER,
    ("POST", "/api/v2/auth/login"): _PUBLIC,
    ("POST", "/api/v2/auth/refresh"): _PUBLIC,
    ("POST", "/api/v2/auth/logout"): _PUBLIC,
    ("GET", "/api/v2/auth/api-keys"): _KEYS,
    ("POST", "/api/v2/auth/api-keys"): _KEYS,
    ("GET", "/api/v2/auth/api-keys/{key_id}"): _KEYS,
    ("DELETE", "/api/v2/auth/api-keys/{key_id}"): _KEYS,
    ("POST", "/api/v2/upload"): _WRITE,
    ("GET", "/api/v2/documents"): _READ,
    ("GET", "/api/v2/documents/{document_id}"): _READ,
    ("DELETE", "/api/v2/documents/{document_id}"): _WRITE,
    ("GET", "/api/v2/documents/{document_id}/chunks"): _READ,
    ("GET", "/api/v2/documents/{document_id}/content"): _READ,
    ("POST", "/api/v2/documents/{document_id}/reprocess"): _WRITE,
    ("POST", "/api/v2/documents/reprocess"): _WRITE,
    ("GET", "/api/v2/jobs"): _READ,
    ("GET", "/api/v2/jobs/{job_id}"): _READ,
    ("GET", "/api/v2/jobs/{job_id}/events"): _READ,
    ("POST", "/api/v2/search"): _SEARCH,
    ("POST", "/chat"): _ASK,
    ("GET", "/chat/{turn_id}"): _ASK,
    ("GET", "/chat/{turn_id}/events"): _ASK,
    ("POST", "/chat/{turn_id}/cancel"): _ASK,
    ("GET", "/api/v2/conversations"): _OWN,
    ("GET", "/api/v2/conversations/{conversation_id}"): _OWN,
    ("DELETE", "/api/v2/conversations/{conversation_id}"): _OWN,
    ("POST", "/agents/query"): _ASK,
    ("GET", "/agents/status"): _READ,
    ("GET", "/api/v2/usage"): _READ,
    ("GET", "/api/v2/admin/dead-letters"): _OPERATE,
    ("GET", "/api/v2/admin/dead-letters/{dead_letter_id}"): _OPERATE,
    ("POST", "/api/v2/admin/dead-letters/{dead_letter_id}/redrive"): _OPERATE,
    ("POST", "/api/v2/admin/dead-letters/{dead_letter_id}/discard"): _OPERATE,
    ("POST", "/api/v2/admin/dead-letters/redrive"): _OPERATE,
    ("GET", "/api/v2/admin/generations"): _OPERATE,
    ("POST", "/api/v2/admin/generations"): _OPERATE,
    ("GET", "/api/v2/admin/generations/{generation_id}"): _OPERATE,
    ("DELETE", "/api/v2/admin/generations/{generation_id}"): _OPERATE,
    ("POST", "/api/v2/admin/generations/{generation_id}/pause"): _OPERATE,
    ("POST", "/api/v2/admin/generations/{generation_id}/resume"): _OPERATE,
    ("POST", "/api/v2/admin/generations/{generation_id}/promote"): _OPERATE,
    ("POST", "/api/v2/admin/generations/rollback"): _OPERATE,
    ("GET", "/api/v2/admin/replays"): _OPERATE,
    ("POST", "/api/v2/admin/replays"): _OPERATE,
    ("GET", "/api/v2/admin/replays/{replay_id}"): _OPERATE,
    ("POST", "/api/v2/admin/replays/plan"): _OPERATE,
    ("POST", "/api/v2/admin/replays/rebuild"): _OPERATE,
    ("GET", "/health"): _PUBLIC,
    ("GET", "/health/ready"): _PUBLIC,
    ("GET", "/metrics"): _PUBLIC,
}


def across_tenants(method: str, path: str) -> str:
    """Return what the admin of another tenant gets: a status, or whose things."""
    access = ACCESS[method, path]
    match access.whose:
        case None:
            return "the same"
        case Whose.installation:
            return "403"
        case _:
            return "404" if "{" in path else "its own"
