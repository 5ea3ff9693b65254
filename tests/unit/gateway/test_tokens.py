"""A token is believed only when it is ours, for us, whole, and not too old."""

import base64
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from contracts.errors import Misconfigured
from contracts.ids import TenantId, UserId
from gateway.auth.tokens import AUDIENCE, ISSUER, LEEWAY_SECONDS, Tokens
from gateway.principal import Credential, Role
from gateway.refusals import InvalidToken, TokenExpired
from runtime.clock import SystemClock
from runtime.settings import load_settings
from store.users import User

SECRET = "a secret of more than thirty-two bytes, for tests"
USER = User(
    user_id=UserId(uuid.UUID(int=1)),
    tenant_id=TenantId(uuid.UUID(int=2)),
    email="ada@example.org",
    password_hash="",
    role="member",
    disabled=False,
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
)


class MovedClock(SystemClock):
    """The machine's clock, moved."""

    def __init__(self) -> None:
        self.by = timedelta()

    def now(self) -> datetime:
        return super().now() + self.by


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def tokens(clock: MovedClock) -> Tokens:
    return Tokens(SECRET, lifetime_seconds=900, clock=clock)


def forged(**changes: Any) -> str:
    """A token with the right signature, but for the changed claims; None leaves one out."""
    now = int(SystemClock().now().timestamp())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(USER.user_id),
        "tenant": str(USER.tenant_id),
        "role": "admin",
        "iat": now,
        "exp": now + 900,
        "jti": "1",
    }
    whole = {name: value for name, value in (claims | changes).items() if value is not None}
    return jwt.encode(whole, SECRET, algorithm="HS256")


def test_an_issued_token_says_who_it_is_for(tokens: Tokens) -> None:
    principal = tokens.verify(tokens.issue(USER))
    assert (principal.user_id, principal.tenant_id) == (USER.user_id, USER.tenant_id)
    assert (principal.role, principal.credential) == (Role.member, Credential.token)


def test_a_token_is_good_for_its_life_and_a_little_leeway(
    tokens: Tokens, clock: MovedClock
) -> None:
    token = tokens.issue(USER)
    tokens.verify(token)
    clock.by = timedelta(seconds=900 + LEEWAY_SECONDS - 2)
    tokens.verify(token)
    clock.by = timedelta(seconds=900 + LEEWAY_SECONDS + 2)
    with pytest.raises(TokenExpired):
        tokens.verify(token)  # also when it is remembered


def test_refuses_a_token_that_expired_before_it_was_seen(tokens: Tokens) -> None:
    now = int(SystemClock().now().timestamp())
    with pytest.raises(TokenExpired):
        tokens.verify(forged(exp=now - LEEWAY_SECONDS - 5))


@pytest.mark.parametrize("name", ["exp", "iat", "sub", "tenant", "role", "jti", "iss", "aud"])
def test_refuses_a_token_without_a_claim(tokens: Tokens, name: str) -> None:
    with pytest.raises(InvalidToken):
        tokens.verify(forged(**{name: None}))


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "another-api"},
        {"aud": [AUDIENCE, "another-api"]},
        {"iss": "somebody"},
        {"role": "root"},
        {"sub": "not an id"},
        {"tenant": "not an id"},
        {"exp": "soon"},
    ],
)
def test_refuses_a_token_for_somebody_else(tokens: Tokens, changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidToken):
        tokens.verify(forged(**changes))


def test_refuses_a_token_signed_with_another_secret(tokens: Tokens, clock: MovedClock) -> None:
    other = Tokens("another secret of more than thirty-two bytes", lifetime_seconds=9, clock=clock)
    with pytest.raises(InvalidToken):
        tokens.verify(other.issue(USER))


def _unsigned(header: dict[str, str], signature: str = "") -> str:
    _, claims, _ = forged().split(".")
    head = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
    return f"{head}.{claims}.{signature}"


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "HS512", "RS256", "ES256", ""])
def test_refuses_every_other_algorithm(tokens: Tokens, algorithm: str) -> None:
    for signature in ("", "AAAA"):
        with pytest.raises(InvalidToken):
            tokens.verify(_unsigned({"alg": algorithm, "typ": "JWT"}, signature))


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "...", "ey.ey.ey", "\ud800", "é.é.é"])
def test_refuses_what_is_no_token(tokens: Tokens, token: str) -> None:
    with pytest.raises(InvalidToken):
        tokens.verify(token)


@pytest.mark.parametrize("secret", ["", "short"])
def test_does_not_start_without_a_secret_worth_the_name(
    monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    monkeypatch.delenv("JWT_SECRET", raising=False)
    settings = load_settings(jwt_secret=secret or None)
    with pytest.raises(Misconfigured, match="JWT_SECRET"):
        Tokens.of(settings, SystemClock())
