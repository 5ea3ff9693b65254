# ruff: noqa: RUF001 -- the signs that look alike are what this file is about
"""Lines into paragraphs: which newlines only wrap a text, and which end what is said.

Text files and PDF pages break their lines where the width ends. To pysbd every newline ends a
sentence, so the lines of a paragraph are put together first; headings, list items, table rows and
verse stay lines.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median_low
from typing import Final

from workers.chunker.core.rules import SENTENCE_ENDS
from workers.chunker.core.spans import Span

#: A line that is wrapped is hardly shorter: below this, a newline was meant.
_SHORTEST_WRAPPED = 20
#: Lines of a paragraph in a proportional font differ by some characters from their middle.
_FULL = 0.85
#: A longer word at the start of the next line does not explain a short line.
_LONGEST_WORD = 20

_CLOSING: Final = "\"'”’»)]*_"
_ENDS: Final = (*SENTENCE_ENDS, ":", ";")
_FIRST_WORD = re.compile(r"\S+")
_OPENING = re.compile(r"[\"'“‘«(\[*_]*")
# A heading, quotation, table row, list item, code fence, tag, footnote or rule begins.
_BEGINS = re.compile(
    r"#{1,6}\s|[>|<]|[-*+•‣◦⁃–]\s|\(?(?:\d{1,3}(?:\.\d{1,3})*|[a-zA-Z]|[ivxlc]{2,5})[.)]\s"
    r"|```|~~~|\[\^?\w+\]:|[-=*_]{3,}(?=\s|\Z)"
)
# A heading, table row, code fence or rule is whole at the end of its line.
_STANDS_ALONE = re.compile(r"#{1,6}\s|\||```|~~~|[-=*_]{3,}(?=\s|\Z)")
_COLUMNS = re.compile(r"\S(?: {3,}|\t)\S")


def split_paragraphs(text: str) -> Iterator[Span]:
    """Yield the spans of ``text`` that are read as one line each, without blanks around them.

    What lies between the spans is blank.
    """
    block: list[Span] = []
    offset = 0
    for line in text.splitlines(keepends=True):
        start = offset + len(line) - len(line.lstrip())
        offset += len(line)
        if start < offset:
            block.append((start, start + len(line.strip())))
        else:
            yield from _unwrap(text, block)
            block = []
    yield from _unwrap(text, block)


def _unwrap(text: str, lines: Sequence[Span]) -> Iterator[Span]:
    """Yield the lines of a block without blank lines, put together where they are wrapped."""
    if len(lines) < 2:
        yield from lines
        return
    width = _FULL * median_low(end - start for start, end in lines[:-1])
    prose = _is_prose(text, lines)
    first, last = lines[0]
    for index, (start, end) in enumerate(lines[1:]):
        if not _is_wrapped(text, lines[index], start, width, prose=prose):
            yield first, last
            first = start
        last = end
    yield first, last


def _is_prose(text: str, lines: Sequence[Span]) -> bool:
    """Tell whether at least half of the lines that end no sentence go on in small letters."""
    small = capital = 0
    for (start, end), (following, _) in pairwise(lines):
        if text[following].islower():
            small += 1
        elif not _is_ended(text, start, end):
            capital += 1
    return small >= max(capital, 1)


def _is_wrapped(text: str, line: Span, following: int, width: float, *, prose: bool) -> bool:
    """Tell whether the newline after ``line`` only wraps: the text goes on at ``following``."""
    start, end = line
    if end - start < _SHORTEST_WRAPPED or _BEGINS.match(text, following):
        return False
    if _STANDS_ALONE.match(text, start, end) or _COLUMNS.search(text, start, end):
        return False
    word = _FIRST_WORD.match(text, following, following + _LONGEST_WORD)
    full = end - start + 1 + (word.end() - following if word else 0) >= width
    letter = _first_letter(text, following)
    if letter.islower():
        return full or not _is_ended(text, start, end)
    return full and (prose or _is_caseless(letter))


def _first_letter(text: str, start: int) -> str:
    opening = _OPENING.match(text, start)
    place = opening.end() if opening else start
    return text[place : place + 1]


def _is_caseless(letter: str) -> bool:
    return letter.isalpha() and letter.lower() == letter.upper()


def _is_ended(text: str, start: int, end: int) -> bool:
    """Tell whether a line ends a sentence, or announces what follows."""
    return text[start:end].rstrip(_CLOSING).endswith(_ENDS)
