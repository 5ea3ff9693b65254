"""Opaque secrets: API keys and refresh tokens. Only their SHA-256 is stored.

A slow hash is for what people choose; 256 random bits cannot be guessed.
"""

import hashlib
import secrets
from dataclasses import dataclass

BITS = 256
KEY_PREFIX = "rk_"
REFRESH_PREFIX = "rr_"
#: Shown in lists, so that a person can tell keys apart.
SHOWN_CHARACTERS = 10


@dataclass(frozen=True, slots=True)
class Secret:
    """A new secret: ``text`` is shown once, ``digest`` is stored."""

    text: str
    digest: bytes

    @property
    def prefix(self) -> str:
        """The beginning, which is stored and shown in lists."""
        return self.text[:SHOWN_CHARACTERS]


def new_secret(prefix: str) -> Secret:
    """Return a new secret of 256 random bits."""
    text = prefix + secrets.token_urlsafe(BITS // 8)
    return Secret(text, digest(text))


def digest(text: str) -> bytes:
    """Return what is stored of a secret."""
    return hashlib.sha256(text.encode()).digest()
