"""File names as they are kept and given back: one plain name, no path, nothing invisible."""

import unicodedata
from pathlib import PurePosixPath
from urllib.parse import quote

from gateway.refusals import InvalidFilename

#: What file systems allow for one name, in UTF-8.
MAX_BYTES = 255
#: A longer ending is no ending.
MAX_SUFFIX = 16


def safe_filename(sent: str | None) -> str:
    """Return the last part of a name, made harmless; ``InvalidFilename`` if nothing is left.

    Path parts (of any system), control characters, and invisible characters that turn the
    reading direction are dropped; too long a name is cut before its ending.
    """
    name = (sent or "").replace("\\", "/").rpartition("/")[2]
    visible = "".join(" " if c.isspace() else c for c in name if _is_visible(c))
    plain = unicodedata.normalize("NFC", " ".join(visible.split()))
    if not any(character.isalnum() for character in plain):
        raise InvalidFilename
    return _cut(plain)


def attachment(filename: str) -> str:
    """Return the Content-Disposition that saves a file under this name (RFC 6266)."""
    plain = "".join(
        c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in filename
    )
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"


def _is_visible(character: str) -> bool:
    """Categories C: control, format (reading direction), surrogates, private, unassigned."""
    return character.isspace() or not unicodedata.category(character).startswith("C")


def _cut(name: str) -> str:
    if len(name.encode()) <= MAX_BYTES:
        return name
    suffix = PurePosixPath(name).suffix
    suffix = suffix if len(suffix.encode()) <= MAX_SUFFIX else ""
    stem = name.removesuffix(suffix).encode()[: MAX_BYTES - len(suffix.encode())]
    return stem.decode(errors="ignore").rstrip() + suffix
