"""What a check found, and how addresses and sentences are shown without secrets."""

import re
from enum import StrEnum
from urllib.parse import urlsplit

import msgspec
from pydantic import SecretStr

from runtime.settings import Settings

#: Shorter values stand in sentences by accident.
LEAST_SECRET = 4
#: Seconds that one check may take.
CHECK_SECONDS = 8.0
#: One or more hosts, names or IP addresses, each with a port or without; none for a file or socket.
_PLACE = re.compile(r"((\[[0-9a-fA-F:.]+\]|[\w.-]+)(:\d+)?,?)*")


class State(StrEnum):
    """How something is."""

    ok = "ok"
    #: It works, and somebody should look at it.
    warn = "warn"
    #: It does not work, or is not there.
    missing = "missing"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One line: what was looked at, how it is, and what to do where it is not well."""

    name: str
    state: State
    message: str


def ok(name: str, message: str) -> list[Finding]:
    """Return that this is well."""
    return [Finding(name=name, state=State.ok, message=message)]


def warn(name: str, message: str) -> list[Finding]:
    """Return that this works, and what to do about it."""
    return [Finding(name=name, state=State.warn, message=message)]


def missing(name: str, message: str) -> list[Finding]:
    """Return that this does not work, and what to do about it."""
    return [Finding(name=name, state=State.missing, message=message)]


def address(url: str) -> str:
    """Return an address without user, password and query."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    # Behind an unescaped #, / or ? of a password, what looks like the host is a part of it.
    is_cut = "@" in parts.path + parts.query + parts.fragment
    if is_cut or not _PLACE.fullmatch(place):
        return "an address that cannot be read"
    return f"{parts.scheme}://{place}{parts.path}"


def without_secrets(finding: Finding, settings: Settings) -> Finding:
    """Return the finding with every secret of the settings, and of its URLs, blacked out."""
    message = finding.message
    for secret in sorted(_secrets(settings), key=len, reverse=True):
        message = message.replace(secret, "***")
    return msgspec.structs.replace(finding, message=message)


def _secrets(settings: Settings) -> set[str]:
    found: set[str] = set()
    for value in dict(settings).values():
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if isinstance(value, SecretStr) and "://" not in str(text):
            found.add(str(text))
        if isinstance(text, str) and "://" in text:
            found.add(_password(text))
    return {secret for secret in found if len(secret) >= LEAST_SECRET}


def _password(url: str) -> str:
    """Return what stands between user and host, also where the address is malformed."""
    _, _, rest = url.partition("://")
    user, _, _ = rest.rpartition("@")
    return user.partition(":")[2]
