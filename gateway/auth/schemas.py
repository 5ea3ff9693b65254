"""What clients send and get about users, sessions and API keys."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from contracts.ids import TenantId, UserId
from gateway.paging import Page

#: The end of a text; `$` also matches before a last line break, and `\Z` is no JSON Schema.
END = r"(?![\s\S])"

#: One @, no blanks or control characters, a dot in the domain; the mail server knows the rest.
Email = Annotated[
    str,
    Meta(
        pattern=r"^[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f]+\.[^@\s\x00-\x1f\x7f.]+" + END,
        max_length=254,
        description="E-mail address, by which the user logs in.",
        examples=["ada@example.org"],
    ),
]
NewPassword = Annotated[
    str,
    Meta(
        min_length=10,
        max_length=256,
        description="10 to 256 characters.",
        examples=["correct horse battery"],
    ),
]
#: No control characters: it is printed in lists.
Name = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+" + END)]


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A JSON body; a misspelt field is an error, not silence."""


class NewUser(Request, frozen=True, kw_only=True):
    """Registers a tenant with its first user, or, sent by an admin, adds a user to the tenant."""

    email: Email
    password: NewPassword
    #: Name of the new tenant; default the e-mail's domain. Not with an admin's token.
    tenant_name: Name | None = None
    #: Role of the added user, default `member`. Only with an admin's token.
    role: Literal["admin", "member", "viewer"] | None = None


class UserCreated(msgspec.Struct, frozen=True, kw_only=True):
    """A new user."""

    user_id: UserId
    tenant_id: TenantId
    email: str
    role: str


class Credentials(Request, frozen=True, kw_only=True):
    """What a person logs in with."""

    email: Annotated[str, Meta(max_length=254, examples=["ada@example.org"])]
    password: Annotated[str, Meta(max_length=256, examples=["correct horse battery"])]


class RefreshToken(Request, frozen=True, kw_only=True):
    """The refresh token of a login; each can be used once."""

    refresh_token: Annotated[str, Meta(min_length=1, max_length=128)]


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """An access token, and the refresh token that gets the next one."""

    access_token: str
    #: Seconds that the access token is good for.
    expires_in: int
    refresh_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - a kind of token


class NewApiKey(Request, frozen=True, kw_only=True):
    """Asks for an API key; it may do what its user may do, except manage keys and users."""

    name: Name


class ApiKeyShown(msgspec.Struct, frozen=True, kw_only=True):
    """An API key, without the key."""

    key_id: str
    user_id: UserId
    name: str
    #: How the key begins.
    prefix: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


class ApiKeyPage(Page[ApiKeyShown], frozen=True):
    """Some API keys, newest first."""


class ApiKeyCreated(ApiKeyShown, frozen=True, kw_only=True):
    """A new API key; ``key`` is shown this once and never again."""

    key: str
