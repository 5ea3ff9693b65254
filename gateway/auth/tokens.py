"""Access tokens: JWTs that any gateway can check without asking the database."""

from functools import lru_cache
from typing import Any
from uuid import UUID

import jwt

from contracts.errors import Misconfigured
from contracts.ids import TenantId, UserId, new_id
from gateway.principal import Principal, Role
from gateway.refusals import InvalidToken, TokenExpired
from runtime.clock import Clock
from runtime.settings import Settings
from store.users import User

#: The one accepted algorithm: with a public-key one in the list, a public key could be taken
#: for the secret; `none` is in no list.
ALGORITHM = "HS256"
ISSUER = "ragline"
AUDIENCE = "ragline-api"
#: Clocks of two machines may differ by this much.
LEEWAY_SECONDS = 30
#: HS256 wants a key as long as its output (RFC 7518, section 3.2).
MIN_SECRET_BYTES = 32
#: Checked tokens that are remembered; a check costs more than a request's routing.
REMEMBERED = 10_000

_REQUIRED = ["exp", "iat", "sub", "tenant", "role", "jti", "iss", "aud"]


class Tokens:
    """Issues and checks access tokens."""

    def __init__(self, secret: str, *, lifetime_seconds: int, clock: Clock) -> None:
        self._secret = secret
        self._clock = clock
        #: Life of an access token.
        self.lifetime_seconds = lifetime_seconds
        # Exceptions are not remembered, and a remembered token is still held against the clock.
        self._remembered = lru_cache(REMEMBERED)(self._decode)

    @classmethod
    def of(cls, settings: Settings, clock: Clock) -> "Tokens":
        """Return the issuer for these settings; ``Misconfigured`` without a good secret."""
        secret = settings.jwt_secret.get_secret_value() if settings.jwt_secret else ""
        if len(secret.encode()) < MIN_SECRET_BYTES:
            raise Misconfigured(
                "JWT_SECRET is missing or too short: the gateway signs access tokens with it and "
                f"needs {MIN_SECRET_BYTES} bytes or more."
            )
        return cls(secret, lifetime_seconds=settings.access_token_seconds, clock=clock)

    def issue(self, user: User) -> str:
        """Return a new access token of this user."""
        now = int(self._clock.now().timestamp())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(user.user_id),
            "tenant": str(user.tenant_id),
            "role": user.role,
            "iat": now,
            "exp": now + self.lifetime_seconds,
            "jti": str(new_id()),
        }
        return jwt.encode(  # pyright: ignore[reportUnknownMemberType] - key types of cryptography
            claims, self._secret, algorithm=ALGORITHM
        )

    def verify(self, token: str) -> Principal:
        """Return who the token is for; ``TokenExpired`` or ``InvalidToken``."""
        principal, expires = self._remembered(token)
        if self._clock.now().timestamp() > expires + LEEWAY_SECONDS:
            raise TokenExpired
        return principal

    def _decode(self, token: str) -> tuple[Principal, float]:
        try:
            claims = jwt.decode(  # pyright: ignore[reportUnknownMemberType] - as above
                token,
                self._secret,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                leeway=LEEWAY_SECONDS,
                options={"require": _REQUIRED, "strict_aud": True},
            )
            return _principal(claims), float(claims["exp"])
        except jwt.ExpiredSignatureError:
            raise TokenExpired from None
        except (jwt.InvalidTokenError, ValueError, TypeError, KeyError, RecursionError):
            raise InvalidToken from None


def _principal(claims: dict[str, Any]) -> Principal:
    return Principal(
        tenant_id=TenantId(UUID(claims["tenant"])),
        user_id=UserId(UUID(claims["sub"])),
        role=Role(claims["role"]),
    )
