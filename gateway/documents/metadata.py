"""The text fields of an upload: metadata and knowledge base."""

import math
import re
from typing import TypeAlias, cast

import msgspec

from gateway.refusals import InvalidRequest

Scalar: TypeAlias = str | int | float | bool | None
Metadata: TypeAlias = dict[str, Scalar]

MAX_KEYS = 16
MAX_KEY_CHARACTERS = 64
MAX_VALUE_CHARACTERS = 512
#: The largest integer that every JSON reader keeps exact.
MAX_INTEGER = 2**53 - 1

#: Letters, digits and a few marks between them: it is a path segment and a label elsewhere.
KNOWLEDGE_BASE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")


def parse_metadata(text: bytes | None) -> Metadata:
    """Return the metadata of an upload; ``InvalidRequest`` says what is wrong with it."""
    if text is None or not text.strip():
        return {}
    try:
        value = cast("object", msgspec.json.decode(text))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _wrong(f"it is not JSON ({error})") from None
    if not isinstance(value, dict):
        raise _wrong('it must be an object, such as {"author": "Ada"}')
    entries = cast("dict[str, object]", value)  # the keys of JSON objects are strings
    if len(entries) > MAX_KEYS:
        raise _wrong(f"it has {len(entries)} keys, at most {MAX_KEYS} are kept")
    return {_key(key): _value(key, entry) for key, entry in entries.items()}


def parse_knowledge_base(text: str) -> str:
    """Return the name of a knowledge base; ``InvalidRequest`` when it is none."""
    if not KNOWLEDGE_BASE.fullmatch(text):
        raise InvalidRequest(
            "knowledge_base takes 1 to 64 letters, digits, dots, dashes and underscores, "
            "with a letter or digit first and last.",
            field="knowledge_base",
        )
    return text


def _key(key: str) -> str:
    if not 1 <= len(key) <= MAX_KEY_CHARACTERS or not key.isprintable():
        raise _wrong(f"a key takes 1 to {MAX_KEY_CHARACTERS} printable characters")
    return key


def _value(key: str, value: object) -> Scalar:
    match value:
        case None | bool():
            return value
        case str():
            if len(value) > MAX_VALUE_CHARACTERS or "\x00" in value:
                raise _wrong(
                    f"the value of {key!r} takes at most {MAX_VALUE_CHARACTERS} characters, "
                    "none of them NUL"
                )
            return value
        case int() if abs(value) <= MAX_INTEGER:
            return value
        case float() if math.isfinite(value):
            return value
        case _:
            raise _wrong(f"the value of {key!r} must be a string, a number, true, false or null")


def _wrong(reason: str) -> InvalidRequest:
    return InvalidRequest(f"metadata is wrong: {reason}.", field="metadata")
