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
#: How far a cut inside a word moves back to keep a character whole; emoji families take eleven.
_LONGEST_CHARACTER = 32
_ZERO_WIDTH_JOINER = "\u200d"


def fits(text: str, start: int, end: int, max_chars: int) -> bool:
    """Tell whether ``text[start:end]`` is short enough for a chunk."""
    length = end - start
    if length > min(max_chars, MAX_CHUNK_BYTES):
        return False
    if length * _BYTES_OF_A_CODE_POINT <= MAX_CHUNK_BYTES:
        return True
    return len(text[start:end].encode("utf-8", "surrogatepass")) <= MAX_CHUNK_BYTES


def cut_span(text: str, span: tuple[int, int], max_chars: int) -> Iterator[tuple[int, int]]:
    """Cut a span into pieces that fit a chunk: at blanks, and inside words that are too long.

    What lies between the pieces is blank.
    """
    start, end = span
    while not fits(text, start, end, max_chars):
        limit = start + _longest_prefix(text[start : start + max_chars])
        cut = last_break(text, start, limit)
        yield start, start + len(text[start:cut].rstrip())
        start = skip_blanks(text, cut, end)
    if start < end:
        yield start, end


def skip_blanks(text: str, start: int, end: int) -> int:
    """Return where the first character of ``text[start:end]`` stands that is not blank."""
    blanks = _BLANKS.match(text, start, end)
    return blanks.end() if blanks else start


def last_break(text: str, start: int, limit: int) -> int:
    """Return the last good place in ``(start, limit]`` to cut: at a blank, else in a word."""
    if text[limit : limit + 1].isspace():
        return limit
    blank = _LAST_BLANK.match(text, start + 1, limit)
    if blank:
        return blank.end()
    for place in range(limit, max(start, limit - _LONGEST_CHARACTER), -1):
        if not _is_inside_character(text, start, place):
            return place
    return limit


def _longest_prefix(window: str) -> int:
    """Return how many code points of ``window`` the bytes of a chunk can hold."""
    data = window.encode("utf-8", "surrogatepass")
    if len(data) <= MAX_CHUNK_BYTES:
        return len(window)
    cut = MAX_CHUNK_BYTES
    while data[cut] & 0xC0 == 0x80:  # the middle of a code point
        cut -= 1
    return len(data[:cut].decode("utf-8", "surrogatepass"))


def _is_inside_character(text: str, start: int, place: int) -> bool:
    """Tell whether the code points around ``place`` are read as one character."""
    after = text[place : place + 1]
    if _ZERO_WIDTH_JOINER in (text[place - 1], after):
        return True
    if _is_regional(after):
        return _count_regional(text, start, place) % 2 == 1
    return _continues(after)


def _continues(sign: str) -> bool:
    """Tell whether a code point belongs to the one before: a mark, skin tone or jamo."""
    return bool(sign) and (
        unicodedata.category(sign).startswith("M")
        or "\U0001f3fb" <= sign <= "\U0001f3ff"
        or "\u1160" <= sign <= "\u11ff"
    )


def _is_regional(sign: str) -> bool:
    """Tell whether a code point is half of a flag."""
    return "\U0001f1e6" <= sign <= "\U0001f1ff"


def _count_regional(text: str, start: int, place: int) -> int:
    """Return how many halves of flags stand right before ``place``, back to ``start``."""
    first = place
    while first > start and _is_regional(text[first - 1]):
        first -= 1
    return place - first
