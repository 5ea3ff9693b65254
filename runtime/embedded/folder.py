"""The folder of an embedded server: writable, with room, and of one owner at a time."""

import fcntl
import shutil
from io import TextIOWrapper
from pathlib import Path

from runtime.embedded.errors import EmbeddedServerError
from runtime.embedded.leftovers import find

_MEBIBYTE = 1024 * 1024
LEAST_FREE_BYTES = 500 * _MEBIBYTE


def prepare(folder: Path, *, server: str, least_free_bytes: int = LEAST_FREE_BYTES) -> None:
    """Make the folder and its `logs`; raises EmbeddedServerError if it cannot hold a server."""
    try:
        (folder / "logs").mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise EmbeddedServerError(
            f"{server} cannot keep its data in {folder} ({error.strerror}): "
            "choose a folder that can be written."
        ) from error
    if free < least_free_bytes:
        raise EmbeddedServerError(
            f"The disk of {folder} is nearly full: {server} needs "
            f"{least_free_bytes // _MEBIBYTE} MB and {free // _MEBIBYTE} MB are free, "
            "so make room or choose another folder."
        )


def take(folder: Path, *, server: str, record: Path) -> TextIOWrapper:
    """Become the owner of the folder until the answered file is closed or this process ends.

    Raises EmbeddedServerError while another owner, in this or another process, is alive.
    """
    try:
        lock = (folder / "owner.lock").open("a", encoding="ascii")
    except OSError as error:
        raise EmbeddedServerError(
            f"{server} cannot use {folder} ({error.strerror}): "
            "start it as the user to whom that folder belongs, or choose another folder."
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        running = find(record)
        raise EmbeddedServerError(
            f"{server} is already running on {folder}"
            f"{f' (pid {running.pid})' if running else ''}: use that one, or stop it first."
        ) from error
    return lock
