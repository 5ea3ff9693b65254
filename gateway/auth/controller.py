"""`/api/v2/auth`: users, sessions and API keys."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, delete, get, post
from litestar.params import FromPath, JSONBody
from litestar.status_codes import HTTP_200_OK

from contracts.ids import UserId
from gateway.auth.authentication import Authentication
from gateway.auth.guards import has_logged_in
from gateway.auth.keys import digest
from gateway.auth.schemas import (
    ApiKeyCreated,
    ApiKeyPage,
    ApiKeyShown,
    Credentials,
    NewApiKey,
    NewUser,
    RefreshToken,
    Session,
    UserCreated,
)
from gateway.auth.service import Accounts
from gateway.dependencies import Given
from gateway.limits import Limits
from gateway.paging import DEFAULT_LIMIT, After, Limit
from gateway.principal import Principal
from gateway.problems import ANYBODY, documented
from gateway.refusals import NotFound
from runtime.settings import Settings
from store import Store
from store.api_keys import ApiKey


class UsersController(Controller):
    """Registration and sessions: for callers that have no token yet."""

    path = "/api/v2/auth"
    tags = ("auth",)
    opt = {"public": True}  # noqa: RUF012 - Litestar's way to say it
    security = ANYBODY

    @post(
        "/users",
        operation_id="createUser",
        summary="Register, or add a user to your tenant",
        responses=documented(400, 401, 403, 409, 413, 422),
    )
    async def create_user(
        self,
        data: JSONBody[NewUser],
        request: Request[Any, Any, Any],
        settings: Given[Settings],
        accounts: Given[Accounts],
        authentication: Given[Authentication],
    ) -> UserCreated:
        """Without a token: a new tenant and its first user, an admin, where registration is open.

        With an admin's token: a further user of the admin's own tenant.
        """
        if "authorization" in request.headers or "x-api-key" in request.headers:
            user = await accounts.add(data, await authentication.identify(request.headers))
        else:
            user = await accounts.register(data, is_open=settings.registration_is_open)
        return UserCreated(
            user_id=user.user_id, tenant_id=user.tenant_id, email=user.email, role=user.role
        )

    @post(
        "/login",
        operation_id="logIn",
        summary="Log in",
        status_code=HTTP_200_OK,
        responses=documented(400, 401, 413, 422),
    )
    async def log_in(
        self,
        data: JSONBody[Credentials],
        request: Request[Any, Any, Any],
        accounts: Given[Accounts],
        limits: Given[Limits],
    ) -> Session:
        """Exchange e-mail and password for an access token and a refresh token.

        Attempts are limited per account and address, whether the account exists or not.
        """
        address = request.client.host if request.client else "-"
        await limits.hit("login", digest(data.email.lower()).hex(), address)
        return await accounts.log_in(data)

    @post(
        "/refresh",
        operation_id="refreshSession",
        summary="Refresh a session",
        status_code=HTTP_200_OK,
        responses=documented(400, 401, 413, 422),
    )
    async def refresh(self, data: JSONBody[RefreshToken], accounts: Given[Accounts]) -> Session:
        """Exchange a refresh token for the next pair; using one twice ends the session."""
        return await accounts.refresh(data.refresh_token)

    @post(
        "/logout",
        operation_id="logOut",
        summary="Log out",
        status_code=204,
        responses=documented(400, 413, 422),
    )
    async def log_out(self, data: JSONBody[RefreshToken], accounts: Given[Accounts]) -> None:
        """End the session of a refresh token; its access tokens run out by themselves."""
        await accounts.log_out(data.refresh_token)


class ApiKeysController(Controller):
    """API keys: of the caller, and for admins of the whole tenant."""

    path = "/api/v2/auth/api-keys"
    tags = ("auth",)
    guards = (has_logged_in,)

    @post(
        operation_id="createApiKey",
        summary="Create an API key",
        responses=documented(400, 401, 403, 413, 422),
    )
    async def create(
        self, data: JSONBody[NewApiKey], principal: Given[Principal], accounts: Given[Accounts]
    ) -> ApiKeyCreated:
        """Return a new key. It is shown this once: only its hash is stored."""
        key, secret = await accounts.create_key(data.name, principal)
        return ApiKeyCreated(**_fields(key), key=secret.text)

    @get(
        operation_id="listApiKeys",
        summary="List API keys",
        responses=documented(400, 401, 403, 422),
    )
    async def list_keys(
        self,
        principal: Given[Principal],
        store: Given[Store],
        limit: Limit = DEFAULT_LIMIT,
        after: After = None,
    ) -> ApiKeyPage:
        """Return keys, newest first: your own, or as an admin those of the tenant."""
        async with store.tenant(principal.tenant_id) as tx:
            rows = await tx.api_keys.list(limit=limit + 1, after=after, user_id=_whose(principal))
        return ApiKeyPage.of(rows, limit, lambda key: ApiKeyShown(**_fields(key)))

    @get(
        "/{key_id:uuid}",
        operation_id="getApiKey",
        summary="Read an API key",
        responses=documented(400, 401, 403, 404),
    )
    async def read(
        self, key_id: FromPath[UUID], principal: Given[Principal], store: Given[Store]
    ) -> ApiKeyShown:
        """Return what is known of a key; never the key itself."""
        return ApiKeyShown(**_fields(await _find(store, key_id, principal)))

    @delete(
        "/{key_id:uuid}",
        operation_id="revokeApiKey",
        summary="Revoke an API key",
        responses=documented(400, 401, 403, 404),
    )
    async def revoke(
        self,
        key_id: FromPath[UUID],
        principal: Given[Principal],
        store: Given[Store],
        accounts: Given[Accounts],
    ) -> None:
        """End a key at once; it stays in the list as revoked."""
        await accounts.revoke_key(await _find(store, key_id, principal), principal)


async def _find(store: Store, key_id: UUID, principal: Principal) -> ApiKey:
    async with store.tenant(principal.tenant_id) as tx:
        key = await tx.api_keys.get(key_id)
    if key is None or _whose(principal) not in {None, key.user_id}:
        raise NotFound("There is no such API key.")
    return key


def _whose(principal: Principal) -> UserId | None:
    """Return the user whose keys are seen; None for an admin, who sees the tenant's."""
    return None if principal.is_admin else principal.user_id


def _fields(key: ApiKey) -> dict[str, Any]:
    return {
        "key_id": str(key.key_id),
        "user_id": key.user_id,
        "name": key.name,
        "prefix": key.prefix,
        "created_at": key.created_at,
        "last_used_at": key.last_used_at,
        "revoked_at": key.revoked_at,
    }
