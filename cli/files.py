"""Which files of the named paths are documents."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from providers.parsing.detection import SUFFIXES


@dataclass
class Found:
    """The files to send, and what was passed over."""

    files: list[Path] = field(default_factory=list[Path])
    #: Files in folders that are of a kind that is not parsed.
    skipped: int = 0
    #: Folders that could not be listed, and what is no file, with the reason.
    unreadable: list[tuple[Path, str]] = field(default_factory=list[tuple[Path, str]])

    @property
    def size(self) -> int:
        """The sum of the files' bytes."""
        return sum(_size(path) for path in self.files)


def find_files(paths: Iterable[Path], *, every_kind: bool) -> Found:
    """Return the files of ``paths``, each once: as named, or from folders in order of name.

    In folders, what is hidden is left out, and so is what the server cannot parse by its name
    unless ``every_kind``. Links to folders are not followed.
    """
    found = Found()
    seen: set[Path] = set()
    for path in paths:
        for file in _files(path, found):
            is_wanted = every_kind or file == path or file.suffix.lower() in SUFFIXES
            if not is_wanted:
                found.skipped += 1
            elif (real := file.resolve()) not in seen:
                seen.add(real)
                found.files.append(file)
    return found


def _files(path: Path, found: Found) -> Iterable[Path]:
    if path.is_dir():
        return _walk(path, found)
    if path.is_file():
        return [path]
    found.unreadable.append((path, "not a file"))
    return []


def _walk(folder: Path, found: Found) -> Iterator[Path]:
    def note(error: OSError) -> None:
        found.unreadable.append((Path(error.filename), error.strerror or str(error)))

    for place, folders, names in os.walk(folder, onerror=note):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            file = Path(place, name)
            if not name.startswith(".") and file.is_file():
                yield file


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # it is counted as failed when it is its turn
        return 0
