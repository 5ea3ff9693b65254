"""Texts without what layouts and parsers change, and the way back to their characters."""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

Keep = Callable[[str], str]


@dataclass(frozen=True)
class Squeezed:
    """What was kept of a text, and for each of its characters the place in the text."""

    text: str
    places: tuple[int, ...]


def squeeze(text: str, keep: Keep) -> Squeezed:
    """Return what ``keep`` leaves of each character of a text."""
    kept: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        left = keep(character)
        kept.append(left)
        places.extend([place] * len(left))
    return Squeezed("".join(kept), tuple(places))


def squeezed_length(text: str) -> int:
    """Return how many characters of a text are no white space."""
    return sum(map(len, text.split()))


def without_space(character: str) -> str:
    """Leave everything but white space."""
    return "" if character.isspace() else character


def letters_only(character: str) -> str:
    """Leave letters and digits, in one case and one form; marks and punctuation vary too much."""
    composed = unicodedata.normalize("NFKD", character).casefold()
    return "".join(filter(str.isalnum, composed))
