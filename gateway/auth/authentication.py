"""From the Authorization header to who is asking."""

import hmac
from collections.abc import Mapping
from uuid import UUID

from contracts.errors import Misconfigured
from contracts.ids import TenantId, UserId, derive
from gateway.auth.keys import KEY_PREFIX, digest
from gateway.auth.tokens import Tokens
from gateway.principal import Credential, Principal, Role
from gateway.refusals import InvalidToken, NotAuthenticated
from runtime.settings import Settings
from store import Store

#: Longer than any token or key of ours; what is longer is not looked at.
MAX_CREDENTIAL = 4096


class Authentication:
    """Checks tokens, API keys, and the key of the one external system."""

    def __init__(
        self, *, tokens: Tokens, store: Store, external: tuple[bytes, Principal] | None = None
    ) -> None:
        self._tokens = tokens
        self._store = store
        self._external = external

    @classmethod
    def of(cls, settings: Settings, tokens: Tokens, store: Store) -> "Authentication":
        """Return the checker for these settings."""
        return cls(tokens=tokens, store=store, external=_external(settings))

    async def identify(self, headers: Mapping[str, str]) -> Principal:
        """Return who sent these headers; ``NotAuthenticated``, ``InvalidToken``, ``TokenExpired``.

        Accepted are `Authorization: Bearer TOKEN_OR_KEY` and `X-API-Key: KEY`.
        """
        credential = _credential(headers)
        if credential.startswith(KEY_PREFIX):
            return await self._by_key(credential)
        if self._external and hmac.compare_digest(digest(credential), self._external[0]):
            return self._external[1]
        return self._tokens.verify(credential)

    async def _by_key(self, key: str) -> Principal:
        async with self._store.system() as tx:
            owner = await tx.accounts.key_owner(digest(key))
        if owner is None or owner[0].disabled:
            raise InvalidToken
        user, _ = owner
        return Principal(
            tenant_id=user.tenant_id,
            user_id=user.user_id,
            role=Role(user.role),
            credential=Credential.api_key,
        )


def _credential(headers: Mapping[str, str]) -> str:
    scheme, _, credential = headers.get("authorization", "").partition(" ")
    credential = credential.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")
    if not credential:
        raise NotAuthenticated
    if len(credential) > MAX_CREDENTIAL:
        raise InvalidToken
    return credential


def _external(settings: Settings) -> tuple[bytes, Principal] | None:
    if settings.external_rag_api_key is None:
        return None
    try:
        tenant = TenantId(UUID(settings.external_rag_tenant or ""))
    except ValueError:
        raise Misconfigured("EXTERNAL_RAG_TENANT is wrong: it is not a tenant's id.") from None
    principal = Principal(
        tenant_id=tenant,
        # No user has this id: the conversations of the external system are its own.
        user_id=UserId(derive("external", tenant)),
        role=Role.viewer,
        credential=Credential.external,
    )
    return digest(settings.external_rag_api_key.get_secret_value()), principal
