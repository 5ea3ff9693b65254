"""Folders for files that live as long as one piece of work, and not longer than its process."""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

PREFIX = "ragline-scratch-"
#: Held by the process that uses the folder; the system lets go of it when that dies, however.
LOCK = "lock"
#: Longer than it takes from making a folder to holding its lock.
UNLOCKED_SECONDS = 60.0


@contextmanager
def scratch_folder() -> Generator[Path]:
    """Yield an empty folder that only we can read; it goes afterwards, with all that is in it.

    Where the process is killed meanwhile, it goes with the next ``sweep_scratch``.
    """
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    try:
        with (folder / LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep_scratch() -> int:
    """Remove the folders that processes of this user left when they were killed; return how many.

    What a living process uses stays, on all operating systems that know ``flock``.
    """
    left = [
        folder
        for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*")
        if _is_ours(folder) and not _is_held(folder)
    ]
    for folder in left:
        shutil.rmtree(folder, ignore_errors=True)
    return len(left)


def _is_ours(folder: Path) -> bool:
    # Everybody may write there: what others made, and links to elsewhere, are none of ours.
    return not folder.is_symlink() and folder.is_dir() and folder.stat().st_uid == os.getuid()


def _is_held(folder: Path) -> bool:
    try:
        with (folder / LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return _age(folder) < UNLOCKED_SECONDS
    return False


def _age(folder: Path) -> float:
    try:
        return time.time() - folder.stat().st_mtime
    except FileNotFoundError:  # another one removed it
        return 0.0
