"""What a machine makes for itself at the first start and keeps in its data folder."""

import json
import os
import secrets
from pathlib import Path
from typing import Any

import msgspec


def kept_secret(folder: Path, name: str) -> str:
    """Return the secret of this name, made of 48 random bytes at the first call."""
    path = folder / "secrets.json"
    known: dict[str, str] = read_private(path) or {}
    if name not in known:
        known[name] = secrets.token_urlsafe(48)
        write_private(path, known)
    return known[name]


def write_private(path: Path, content: dict[str, Any]) -> None:
    """Write JSON that only its owner may read; the file is never there in part."""
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=2)
    partial.replace(path)


def read_private(path: Path) -> dict[str, Any] | None:
    """Return what ``write_private`` wrote, None when there is nothing whole."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except (FileNotFoundError, msgspec.DecodeError):
        return None
