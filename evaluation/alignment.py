"""Finds what references quote in the text that the parser made of a document.

Parsers change line ends and blank lines, join lines, and leave out what is no text. So quotes are
looked for without white space first, and then by their letters and digits alone.
"""

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Protocol

from evaluation.dataset import Reference
from evaluation.ranges import Range
from evaluation.squeezing import Squeezed, letters_only, squeeze, without_space

#: A quote of fewer letters would be found anywhere.
_LEAST_LETTERS = 8


class Piece(Protocol):
    """A part of a parsed text: ``text`` is what is from ``char_start`` to ``char_end``."""

    @property
    def char_start(self) -> int:
        """Where it starts, in code points."""
        ...

    @property
    def char_end(self) -> int:
        """Where it ends."""
        ...

    @property
    def text(self) -> str:
        """Its text."""
        ...


class ParsedText:
    """A document's parsed text, put together from its chunks; between them is white space."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self.pieces = tuple(pieces)
        length = max((piece.char_end for piece in self.pieces), default=0)
        characters = [" "] * length
        for piece in self.pieces:
            characters[piece.char_start : piece.char_end] = piece.text
        self.text = "".join(characters)

    def locate(self, reference: Reference) -> Range | None:
        """Return where a passage is; None where the text does not have it."""
        if reference.span is not None:
            start, end = reference.span
            return reference.span if self.text[start:end].strip() else None
        if reference.quote is None:
            return None
        exact = squeeze(reference.quote, without_space).text
        found = _nearest(self._without_space, exact, reference.after)
        if found is not None:
            return found
        loose = squeeze(reference.quote, letters_only).text
        if len(loose) < _LEAST_LETTERS:
            return None
        return _nearest(self._letters, loose, self._letters_before(reference.after))

    @cached_property
    def _without_space(self) -> Squeezed:
        return squeeze(self.text, without_space)

    @cached_property
    def _letters(self) -> Squeezed:
        return squeeze(self.text, letters_only)

    def _letters_before(self, after: int | None) -> int | None:
        """Return about how many letters come before what has ``after`` other characters before."""
        if after is None:
            return None
        return after * len(self._letters.text) // max(1, len(self._without_space.text))


def _nearest(squeezed: Squeezed, quote: str, near: int | None) -> Range | None:
    """Return the occurrence nearest to a place in the squeezed text, or the first."""
    places = list(_occurrences(squeezed.text, quote))
    if not places:
        return None
    place = min(places, key=lambda found: abs(found - (near or 0)))
    return squeezed.places[place], squeezed.places[place + len(quote) - 1] + 1


def _occurrences(text: str, quote: str) -> Iterator[int]:
    place = text.find(quote) if quote else -1
    while place >= 0:
        yield place
        place = text.find(quote, place + 1)
