"""The numbers by which an answer cites: `[1]`, `[1, 3]`, `[2-4]`, also in the brackets of CJK."""

import re
from collections.abc import Iterator

_NUMBERS = r"\d{1,4}(?:\s{0,3}[,;\u2013-]\s{0,3}\d{1,4}){0,15}"
MARKER = re.compile(rf"[\[\u3010](?P<numbers>{_NUMBERS})[\]\u3011]")
MARKERS_AT_END = re.compile(rf"(?:\s{{0,3}}[\[\u3010]{_NUMBERS}[\]\u3011])+\s*$")
#: The end of a text that may become a marker with the next piece.
UNFINISHED = re.compile(r"[\[\u3010][\d\s,;\u2013-]*$")
_RANGE = re.compile(r"(\d+)\s*[\u2013-]\s*(\d+)|(\d+)")
_LONGEST_RANGE = 20


def numbers_of(marker: re.Match[str]) -> Iterator[int]:
    """Yield the passage numbers that a marker names, ranges in full."""
    yield from in_ranges(marker["numbers"])


def in_ranges(text: str) -> Iterator[int]:
    """Yield the numbers in a text, ranges of at most twenty in full."""
    for part in _RANGE.finditer(text):
        first, last, single = part.groups()
        if single is not None:
            yield int(single)
        elif int(first) <= int(last) <= int(first) + _LONGEST_RANGE:
            yield from range(int(first), int(last) + 1)
        else:
            yield from (int(first), int(last))


def without_markers(text: str) -> str:
    """Return ``text`` without its markers and the blank before each."""
    return re.sub(rf"\s?{MARKER.pattern}", "", text)
