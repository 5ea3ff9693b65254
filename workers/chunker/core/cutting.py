"""Where a stretch of text that is too long is cut."""

import re
import unicodedata
from collections.abc import Iterator

#: No token of a byte-level tokenizer is shorter than a byte, so a text of 8,000 bytes of UTF-8
#: is never over the 8,192 tokens of an embedding model, in any script.
MAX_CHUNK_BYTES = 8_000

_BYTES_OF_A_CODE_POINT = 4
_BLANKS = re.compile(r"\s*")
_LAST_BLANK = re.compile(r".*\s", re.DOTALL)
#: The longest cluster of code points that is kept whole; emoji families have eleven.
_LONGEST_CLUSTER = 32
_ZERO_WIDTH_JOINER = "\u200d"


def fits(text: str, start: int, end: int, max_chars: int) -> bool:
    """Tell whether ``text[start:end]`` is short enough for a chunk."""
    length = end - start
    if length > max_chars:
        return False
    if length * _BYTES_OF_A_CODE_POINT <= MAX_CHUNK_BYTES:
        return True
    return len(text[start:end].encode("utf-8", "surrogatepass")) <= MAX_CHUNK_BYTES


def cut_span(text: str, span: tuple[int, int], max_chars: int) -> Iterator[tuple[int, int]]:
    """Cut a span into pieces that fit a chunk: at blanks, and where there are none, in words.

    What lies between the pieces is blank.
    """
    start, end = span
    while not fits(text, start, end, max_chars):
        limit = start + _longest_prefix(text[start : start + max_chars])
        cut = last_break(text, start, limit)
        stop = start + len(text[start:cut].rstrip())
        yield start, stop
        start = skip_blanks(text, cut, end)
    if start < end:
        yield start, end


def skip_blanks(text: str, start: int, end: int) -> int:
    """Return where the first character at or after ``start`` is that is not blank."""
    found = _BLANKS.match(text, start, end)
    return found.end() if found else start


def last_break(text: str, start: int, limit: int) -> int:
    """Return the best place in ``(start, limit]`` to cut: after a blank, else between clusters."""
    if text[limit : limit + 1].isspace():
        return limit
    blank = _LAST_BLANK.match(text, start + 1, limit)
    if blank:
        return blank.end()
    for place in range(limit, max(start, limit - _LONGEST_CLUSTER), -1):
        if not _joined(text, place):
            return place
    return limit


def _longest_prefix(window: str) -> int:
    """Return how many code points of ``window`` are within the bytes of a chunk."""
    data = window.encode("utf-8", "surrogatepass")
    if len(data) <= MAX_CHUNK_BYTES:
        return len(window)
    cut = MAX_CHUNK_BYTES
    while data[cut] & 0xC0 == 0x80:
        cut -= 1
    return len(data[:cut].decode("utf-8", "surrogatepass"))


def _joined(text: str, place: int) -> bool:
    """Tell whether the code points around ``place`` are read as one character."""
    before, after = text[place - 1], text[place : place + 1]
    if not after:
        return False
    return (
        before == _ZERO_WIDTH_JOINER
        or after == _ZERO_WIDTH_JOINER
        or unicodedata.category(after).startswith("M")
        or "\U0001f3fb" <= after <= "\U0001f3ff"
        or ("\U0001f1e6" <= before <= "\U0001f1ff" and "\U0001f1e6" <= after <= "\U0001f1ff")
    )
