"""A file that tells how far it was read."""

from collections.abc import Callable
from io import BufferedReader, FileIO
from pathlib import Path

from typing_extensions import Buffer, override


class _Counted(FileIO):
    def __init__(self, path: Path, told: Callable[[int, int], None]) -> None:
        super().__init__(path)
        self._told = told
        self._size = path.stat().st_size

    @override
    def readinto(self, buffer: Buffer, /) -> int | None:
        count = super().readinto(buffer)
        self._told(min(self.tell(), self._size), self._size)
        return count


def open_counted(path: Path, told: Callable[[int, int], None]) -> BufferedReader:
    """Open a file; ``told`` gets the position and the size, in bytes, with each piece read."""
    return BufferedReader(_Counted(path, told))
