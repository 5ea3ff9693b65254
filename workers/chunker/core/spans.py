"""Where the sentences that pysbd returns stand in the line that they came from."""

import re
from collections.abc import Iterable, Iterator
from itertools import islice

from workers.chunker.core.cutting import skip_blanks

Span = tuple[int, int]

_NOT_BLANK = re.compile(r"\S")


def align(line: str, window: Span, sentences: Iterable[str]) -> Iterator[Span]:
    """Yield the spans of ``sentences``, which give the text of a window of ``line`` in order.

    A sentence whose blanks differ from the line's is found by its other characters. Whatever
    the sentences leave over is a span too, so that between the spans there are only blanks.
    """
    place, end = window
    for sentence in map(str.strip, sentences):
        start = skip_blanks(line, place, end)
        if not sentence or start == end:
            continue
        place = start + len(sentence)
        if not line.startswith(sentence, start, end):
            place = _after(line, (start, end), count=sum(not sign.isspace() for sign in sentence))
        yield start, place
    start = skip_blanks(line, place, end)
    if start < end:
        yield start, start + len(line[start:end].rstrip())


def _after(line: str, window: Span, *, count: int) -> int:
    """Return where the first ``count`` characters of a window end that are not blank."""
    found = islice(_NOT_BLANK.finditer(line, *window), count)
    return max((sign.end() for sign in found), default=window[1])
