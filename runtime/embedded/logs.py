"""The log files of a server: kept short, and asked for the line that explains a failure."""

import re
from pathlib import Path

_LARGEST_BYTES = 10 * 1024 * 1024
_TAIL_BYTES = 64 * 1024
_LONGEST_LINE = 300
_SERIOUS = re.compile(r"\b(FATAL|PANIC|ERROR|error:|\w*Exception|\w*Error)")
_STACK = re.compile(r"^\s+at |^\s*\.\.\. \d+ more|^\s*$")


def rotate(file: Path) -> None:
    """Keep one previous generation of a log that has grown beyond 10 MB."""
    if file.exists() and file.stat().st_size > _LARGEST_BYTES:
        file.replace(file.with_name(file.name + ".1"))


def last_meaningful_line(folder: Path) -> str:
    """The last line of the newest log that names an error, else its last line, else nothing."""
    files = [file for file in folder.iterdir() if file.is_file() and file.stat().st_size]
    oldest_first = sorted(files, key=lambda file: file.stat().st_mtime)
    return meaningful_line("\n".join(_tail(file) for file in oldest_first))


def meaningful_line(text: str) -> str:
    """The last line that names an error, else the last line, else nothing; stack traces aside."""
    lines = [line for line in text.splitlines() if not _STACK.search(line)]
    serious = [line for line in lines if _SERIOUS.search(line)]
    return (serious or lines or [""])[-1].strip()[:_LONGEST_LINE]


def _tail(file: Path) -> str:
    with file.open("rb") as log:
        log.seek(max(0, file.stat().st_size - _TAIL_BYTES))
        return log.read().decode(errors="replace")
