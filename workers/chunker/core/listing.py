# ruff: noqa: RUF001 -- the signs that look alike are what this file is about
"""Lists inside a line (``1. one 2. two``), found by pysbd's rules in one pass each.

pysbd walks the whole text once for every item of a list, which is quadratic in the items. Here
the items are chosen first, by the same comparisons, and marked together.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

from workers.chunker.core.library import ListItemReplacer, Rule, Text

# pysbd's table has some Roman numerals twice; it looks up the first place.
_ALPHABETS: Final = tuple(
    {item: items.index(item) for item in items}
    for items in (ListItemReplacer.LATIN_NUMERALS, ListItemReplacer.ROMAN_NUMERALS)
)

# What a line must have for a list of the kind; it hardly ever has.
_HAS_LETTER_PERIOD = re.compile(r"\.(?<=[a-z].)(?<!\S\S.)")
_HAS_LETTER_PAREN = re.compile(r"\)(?<=[a-z].)(?:(?<![^\s(]..)|(?<=[ivx][ivx].))")
_HAS_NUMBER_PERIOD = re.compile(r"\.(?<=\d.)(?=[\s)])(?:(?<![^\s⁃-]\d.)|(?<![^\s⁃-]\d\d.))")
_HAS_NUMBER_PAREN = re.compile(r"\)(?<=\d.)(?=\s)")

_LETTER_PERIOD = re.compile(r"(?<!\S)([a-z])\.")
_LETTERS_PAREN = re.compile(r"(?<![^\s(])[a-z]+(?=\))")
_ITEM_PAREN = re.compile(r"(\()?(?:(?<=\()|(?<!\S))([a-z]+)(?=\))")
_NUMBER_PERIOD = re.compile(r"(?:(?<!\S)|(?<=\s[-⁃])|(?<=\A[-⁃]))(\d{1,2})\.(?=[\s)])")
_NUMBER_PAREN = re.compile(r"(\d{1,2})(?=\)\s)")
_NOT_A_LIST = re.compile(r"for\s\d{1,2}♨\s[a-z]")


def break_lists(text: str) -> str:
    """Return a line with a carriage return before every item of a list inside it."""
    for alphabet in _ALPHABETS:
        text = _break_letters(text, alphabet)
    if _HAS_NUMBER_PERIOD.search(text):
        text = _break_numbers_with_periods(text)
    if _HAS_NUMBER_PAREN.search(text):
        text = _break_numbers_with_parens(text)
    return text


def _break_letters(text: str, alphabet: Mapping[str, int]) -> str:
    if _HAS_LETTER_PERIOD.search(text):
        with_period = _letters_in_order(_LETTER_PERIOD.findall(text), alphabet)
        if with_period:
            text = _LETTER_PERIOD.sub(
                lambda item: f"\r{item[1]}∯" if item[1] in with_period else item[0], text
            )
    if _HAS_LETTER_PAREN.search(text):
        with_paren = _letters_in_order(_LETTERS_PAREN.findall(text), alphabet)
        if with_paren:
            text = _ITEM_PAREN.sub(
                lambda item: _before_letter(item) if item[2] in with_paren else item[0], text
            )
    return text


def _before_letter(item: re.Match[str]) -> str:
    return f"\r&✂&{item[2]}" if item[1] else f"\r{item[2]}"


def _break_numbers_with_periods(text: str) -> str:
    items = _numbers_in_order(_NUMBER_PERIOD.findall(text))
    if not items:
        return text
    text = _NUMBER_PERIOD.sub(lambda item: f"{item[1]}♨" if item[1] in items else item[0], text)
    if _stands_in_one_line(text, "♨") and not _NOT_A_LIST.search(text):
        text = _apply(
            text,
            ListItemReplacer.SpaceBetweenListItemsFirstRule,
            ListItemReplacer.SpaceBetweenListItemsSecondRule,
        )
    return text.replace("♨", "∯")


def _break_numbers_with_parens(text: str) -> str:
    for _ in range(2):  # as pysbd does: what is marked makes neighbours of the others
        items = _numbers_in_order(_NUMBER_PAREN.findall(text))
        if items:
            text = _mark_numbers(text, items)
    if _stands_in_one_line(text, "☝"):
        text = _apply(text, ListItemReplacer.SpaceBetweenListItemsThirdRule)
    return text.replace("☝", "")


def _mark_numbers(text: str, items: frozenset[str]) -> str:
    return _NUMBER_PAREN.sub(lambda item: f"{item[1]}☝" if item[1] in items else item[0], text)


def _apply(text: str, *rules: Rule) -> str:
    return Text(text).apply(*rules)


def _letters_in_order(found: Sequence[str], alphabet: Mapping[str, int]) -> frozenset[str]:
    """Return the letters that follow, or are followed by, their neighbour in the alphabet."""
    letters = [letter for letter in found if letter in alphabet]
    places = [alphabet[letter] for letter in letters]
    last = len(letters) - 1
    return frozenset(
        letter
        for index, letter in enumerate(letters)
        if abs(places[index - 1] - places[index]) == 1
        or (index < last and places[index + 1] - places[index] == 1)
    )


def _numbers_in_order(found: Sequence[str]) -> frozenset[str]:
    """Return the numbers that follow, or are followed by, their neighbour (so are 9 and 0)."""
    numbers = [int(digits) for digits in found]
    return frozenset(
        str(number) for before, after in pairwise(numbers) for number in _both_or_one(before, after)
    )


def _both_or_one(before: int, after: int) -> tuple[int, ...]:
    """Return which of two numbers in a row are items of one list."""
    if after == before + 1:
        return before, after
    return (after,) if {before, after} == {0, 9} else ()


def _stands_in_one_line(text: str, mark: str) -> bool:
    """Tell whether ``mark`` occurs, and no line ends between its first and its last place."""
    first, last = text.find(mark), text.rfind(mark)
    return first >= 0 and "\r" not in text[first + 2 : max(last - 1, first + 2)]
