"""What every request passes before its body is read: limits and authentication."""

from typing import Any

from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send
from typing_extensions import override

from gateway.auth.authentication import Authentication
from gateway.limits import Limits

#: `opt` of a route that needs no token; login and health.
PUBLIC = "public"
#: `opt` of a route that is not counted; probes.
UNLIMITED = "unlimited"
#: Key of the scope's state under which headers for the answer are collected.
ANSWER_HEADERS = "answer_headers"


class Admission(ASGIMiddleware):
    """Counts the request, finds out who sends it, and counts it for that user too."""

    scopes = (ScopeType.HTTP,)

    def __init__(self, *, authentication: Authentication, limits: Limits) -> None:
        self._authentication = authentication
        self._limits = limits

    @override
    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Let the request in, or raise what `gateway.errors` turns into 401 or 429."""
        opt: dict[str, Any] = scope["route_handler"].opt
        if not opt.get(UNLIMITED):
            await self._admit(scope, public=bool(opt.get(PUBLIC)))
        await next_app(scope, receive, send)

    async def _admit(self, scope: Scope, *, public: bool) -> None:
        client = scope["client"]
        allowance = await self._limits.hit("address", client[0] if client else "-")
        if not public:
            principal = await self._authentication.identify(_credentials(scope))
            scope["user"] = principal
            allowance = await self._limits.hit("user", str(principal.user_id))
        scope["state"][ANSWER_HEADERS] = allowance.headers()


def _credentials(scope: Scope) -> dict[str, str]:
    """Return the headers that say who sends a request; reading all of them costs more."""
    return {
        name.decode(): value.decode("latin-1")
        for name, value in scope["headers"]
        if name in {b"authorization", b"x-api-key"}
    }
