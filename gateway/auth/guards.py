"""Who may do what, as guards: `guards=[may_write]`.

Every route needs a token or key unless it says `opt={"public": True}`; a guard narrows further.
"""

from typing import Any, cast

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from gateway.principal import Credential, Principal, Role
from gateway.refusals import Forbidden, NotAuthenticated

_Connection = ASGIConnection[Any, Any, Any, Any]


async def may_ask(connection: _Connection, _: BaseRouteHandler) -> None:
    """Anybody known may search and ask, the external system too."""
    _principal(connection)


async def may_read(connection: _Connection, _: BaseRouteHandler) -> None:
    """Any user of the tenant may read; the external system may not."""
    if _principal(connection).credential is Credential.external:
        raise Forbidden("This key may search and ask, nothing else.")


async def may_write(connection: _Connection, handler: BaseRouteHandler) -> None:
    """Viewers may not change anything."""
    await may_read(connection, handler)
    if _principal(connection).role is Role.viewer:
        raise Forbidden("A viewer may read and ask, but not change documents.")


async def may_operate(connection: _Connection, _: BaseRouteHandler) -> None:
    """Operators of the installation see what is of all tenants; nobody else does."""
    if _principal(connection).role is not Role.operator:
        raise Forbidden("Only an operator of this installation may do this.")


async def has_logged_in(connection: _Connection, _: BaseRouteHandler) -> None:
    """Keys are managed with a token, so that a leaked key cannot make further keys."""
    if _principal(connection).credential is not Credential.token:
        raise Forbidden("API keys are managed with a token: log in with e-mail and password.")


def _principal(connection: _Connection) -> Principal:
    scope = cast("dict[str, Any]", connection.scope)
    principal: Principal | None = scope.get("user")
    if principal is None:
        raise NotAuthenticated
    return principal
