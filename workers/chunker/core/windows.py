# ruff: noqa: RUF001 -- the signs that look alike are what this file is about
"""The windows in which a long line is read."""

import re
from collections.abc import Iterator

from workers.chunker.core.cutting import last_break, skip_blanks
from workers.chunker.core.spans import Span

#: What pysbd gets at once. Some of its rules are quadratic in a line, so a longer one is cut
#: where a sentence surely ends; pysbd finds more sentences so, not fewer.
WINDOW_CHARS = 8_000

# After a word of four letters, so not after Mr. or an initial.
_SURE_END = re.compile(r"[.!?](?<=\w{4}.)[\"')\]”’]*\s++(?=[\"'“‘(\[]?[A-Z])|[。！？][”’」』）]*")


def cut_windows(line: str) -> Iterator[Span]:
    """Yield windows of at most ``WINDOW_CHARS`` of a line; what lies between them is blank.

    They are cut after a sentence, else at a blank, else between characters.
    """
    start, end = 0, len(line)
    while end - start > WINDOW_CHARS:
        cut = _last_sure_end(line, start, start + WINDOW_CHARS)
        yield start, cut
        start = skip_blanks(line, cut, end)
    if start < end:
        yield start, end


def _last_sure_end(line: str, start: int, limit: int) -> int:
    cut = 0
    for found in _SURE_END.finditer(line, start, limit):
        cut = found.end()
    return cut or last_break(line, start, limit)
