# ruff: noqa: RUF001 -- the signs that look alike are what this file is about
"""Punctuation inside quotations and brackets, which ends no sentence."""

import re
from typing import Final

_MARKS: Final = {
    ".": "∯",
    "。": "&ᓰ&",
    "．": "&ᓱ&",
    "！": "&ᓳ&",
    "!": "&ᓴ&",
    "?": "&ᓷ&",
    "？": "&ᓸ&",
}
_IN_APOSTROPHES: Final = str.maketrans(_MARKS)
_IN_PAIRS: Final = str.maketrans({**_MARKS, "'": "&⎋&"})


def _between(opening: str, closing: str, inner: str = "") -> tuple[str, re.Pattern[str]]:
    """Return a closing character, and the pattern of what runs up to it without ``inner``."""
    pattern = rf"{opening}(?:[^{closing}{inner}\\]++|\\.){closing}"
    return closing.removeprefix("\\"), re.compile(pattern)


def _apostrophes(opening: str, closing: str) -> re.Pattern[str]:
    """Return the pattern of a quotation in characters that are also apostrophes inside words.

    It ends where no letter follows; and if there is no such place, at the last one.
    """
    word = rf"[^{closing}]++|{closing}(?=[a-zA-Z])"
    return re.compile(rf"{opening}(?<=\s.)(?:(?:{word})*+{closing}|.*{closing})", re.DOTALL)


_STRAIGHT = _apostrophes("'", "'")
_SLANTED = _apostrophes("‘", "’")
_BEFORE_A_WORD = re.compile(r"'(?<=\s.)[^']*+'\S")
_BEFORE_A_BLANK = re.compile(r"'\s")

# In the order in which pysbd looks for them; the last four are Chinese and Japanese.
_PAIRS: Final = (
    _between('"', '"'),
    _between(r"\[", r"\]"),
    _between(r"\(", r"\)", "("),
    _between("«", "»"),
    ("--", re.compile(r"--[^-]*+--")),
    _between("“", "”"),
    _between("《", "》"),
    _between("「", "」", "「"),
    _between("『", "』", "『"),
    _between("（", "）", "（"),
)


def mark_quotations(text: str) -> str:
    """Return a line with the punctuation inside its quotations and brackets marked."""
    if "'" in text and not _all_before_words(text):
        text = _STRAIGHT.sub(lambda found: found[0].translate(_IN_APOSTROPHES), text)
    if "‘" in text:
        text = _SLANTED.sub(_mark, text)
    for closing, pattern in _PAIRS:
        if closing in text:
            text = pattern.sub(_mark, text)
    return text


def _all_before_words(text: str) -> bool:
    """Tell whether the apostrophes only shorten words ('twas), so that they quote nothing."""
    return bool(_BEFORE_A_WORD.search(text)) and not _BEFORE_A_BLANK.search(text)


def _mark(found: re.Match[str]) -> str:
    return found[0].translate(_IN_PAIRS)
