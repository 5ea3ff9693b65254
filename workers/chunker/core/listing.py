# ruff: noqa: RUF001 -- the signs that look alike are what this file is about
"""Lists inside a line (``1. one 2. two``), found by pysbd's rules in one pass each.

pysbd walks the whole text once per item of a list, which is quadratic in the number of items.
Here the items are chosen first, by the same comparisons, and marked together.
"""

import re
from collections.abc import Callable, Sequence
from typing import Final

from workers.chunker.core.library import ListItemReplacer

_LETTERS: Final = {letter: index for index, letter in enumerate(ListItemReplacer.LATIN_NUMERALS)}
# Some numerals stand twice in pysbd's table; the first place is the one that it looks up.
_ROMANS: Final = {
    numeral: ListItemReplacer.ROMAN_NUMERALS.index(numeral)
    for numeral in ListItemReplacer.ROMAN_NUMERALS
}

_LETTER_PERIOD = re.compile(r"(?<!\S)([a-z])\.")
_LETTERS_PAREN = re.compile(r"(?<![^\s(])[a-z]+(?=\))")
_ITEM_PAREN = re.compile(r"(\()?(?:(?<=\()|(?<!\S))([a-z]+)(?=\))")
_ITEM_NUMBER = r"(?:(?<!\S)|(?<=\s[-⁃])|(?<=\A[-⁃]))(\d{1,2})"
_NUMBER_PERIOD = re.compile(_ITEM_NUMBER + r"\.(?=[\s)])")
_NUMBER_PAREN = re.compile(r"(\d{1,2})(?=\)\s)")
_NOT_A_LIST = re.compile(r"for\s\d{1,2}♨\s[a-z]")


class OnePassLists(ListItemReplacer):
    """pysbd's list rules at a cost that is linear in the text."""

    def add_line_break(self) -> str:
        """Return the text with a carriage return before every item of a list."""
        period, paren = "." in self.text, ")" in self.text
        for alphabet in (_LETTERS, _ROMANS):
            if period:
                self._mark_letters_with_periods(alphabet)
            if paren:
                self._mark_letters_with_parens(alphabet)
        if period:
            self.format_numbered_list_with_periods()
        if paren:
            self.format_numbered_list_with_parens()
        return self.text

    def _mark_letters_with_periods(self, alphabet: dict[str, int]) -> None:
        items = _items_in_order(_LETTER_PERIOD.findall(self.text), alphabet)
        if items:
            self.text = _LETTER_PERIOD.sub(
                lambda found: f"\r{found[1]}∯" if found[1] in items else found[0], self.text
            )

    def _mark_letters_with_parens(self, alphabet: dict[str, int]) -> None:
        items = _items_in_order(_LETTERS_PAREN.findall(self.text), alphabet)
        if items:
            self.text = _ITEM_PAREN.sub(_before_item(items), self.text)

    def replace_periods_in_numbered_list(self) -> None:
        """Mark the periods after the numbers of a list."""
        numbers = _numbers_in_order(_NUMBER_PERIOD.findall(self.text))
        if numbers:
            self.text = _NUMBER_PERIOD.sub(
                lambda found: f"{found[1]}♨" if found[1] in numbers else found[0], self.text
            )

    def replace_parens_in_numbered_list(self) -> None:
        """Mark the numbers of a list that have a parenthesis after them."""
        for _ in range(2):  # twice, as pysbd does: marked numbers uncover their neighbours
            numbers = _numbers_in_order(_NUMBER_PAREN.findall(self.text))
            if numbers:
                self.text = _NUMBER_PAREN.sub(
                    lambda found, wanted=numbers: (
                        f"{found[1]}☝" if found[1] in wanted else found[0]
                    ),
                    self.text,
                )

    def add_line_breaks_for_numbered_list_with_periods(self) -> None:
        """Break the line before every marked number, unless the list has lines already."""
        if _stands_in_one_line(self.text, "♨") and not _NOT_A_LIST.search(self.text):
            for rule in (self.SpaceBetweenListItemsFirstRule, self.SpaceBetweenListItemsSecondRule):
                self.text = re.sub(rule.pattern, rule.replacement, self.text)

    def add_line_breaks_for_numbered_list_with_parens(self) -> None:
        """Break the line before every marked number, unless the list has lines already."""
        if _stands_in_one_line(self.text, "☝"):
            rule = self.SpaceBetweenListItemsThirdRule
            self.text = re.sub(rule.pattern, rule.replacement, self.text)


def _before_item(items: frozenset[str]) -> Callable[[re.Match[str]], str]:
    def replace(found: re.Match[str]) -> str:
        if found[2] not in items:
            return found[0]
        return f"\r&✂&{found[2]}" if found[1] else f"\r{found[2]}"

    return replace


def _items_in_order(found: Sequence[str], alphabet: dict[str, int]) -> frozenset[str]:
    """Return the letters that follow, or are followed by, their neighbour in the alphabet."""
    listed = [letter for letter in found if letter in alphabet]
    places = [alphabet[letter] for letter in listed]
    last = len(listed) - 1
    return frozenset(
        letter
        for index, letter in enumerate(listed)
        if abs(places[index - 1] - places[index]) == 1
        or (index < last and places[index + 1] - places[index] == 1)
    )


def _numbers_in_order(found: Sequence[str]) -> frozenset[str]:
    """Return the numbers that follow, or are followed by, their neighbour (9 and 0 are)."""
    numbers = [int(digits) for digits in found]
    last = len(numbers) - 1
    return frozenset(
        str(number)
        for index, number in enumerate(numbers)
        if (index < last and numbers[index + 1] == number + 1)
        or (
            index > 0
            and (number - numbers[index - 1] == 1 or {number, numbers[index - 1]} == {0, 9})
        )
    )


def _stands_in_one_line(text: str, mark: str) -> bool:
    """Tell whether ``mark`` occurs, and no line ends between its first and its last place."""
    first, last = text.find(mark), text.rfind(mark)
    return first >= 0 and "\r" not in text[first + 2 : max(last - 1, first + 2)]
