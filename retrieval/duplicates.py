"""Passages that say the same: the model's room is for different ones."""

from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")

#: Texts whose shingles overlap this much differ by a page number or a date at most.
_SAME = 0.9
_SHINGLE = 5
#: Enough to tell texts apart; bounds the work for chunks without sentences.
_COMPARED = 4_000


def without_near_duplicates(
    ranked: Iterable[T], limit: int, *, text_of: Callable[[T], str]
) -> list[T]:
    """Return the first ``limit`` of ``ranked`` that do not repeat a better one, in their order."""
    kept: list[T] = []
    seen: list[frozenset[str]] = []
    for one in ranked:
        if len(kept) == limit:
            break
        shingles = shingle(text_of(one))
        if not any(_are_same(shingles, other) for other in seen):
            kept.append(one)
            seen.append(shingles)
    return kept


def shingle(text: str) -> frozenset[str]:
    """Return the overlapping pieces of a text's letters and digits, whatever its layout."""
    letters = "".join(filter(str.isalnum, text[: 2 * _COMPARED].casefold()))[:_COMPARED]
    return frozenset(
        letters[at : at + _SHINGLE] for at in range(max(1, len(letters) - _SHINGLE + 1))
    )


def _are_same(one: frozenset[str], other: frozenset[str]) -> bool:
    shorter, longer = sorted((len(one), len(other)))
    if shorter < longer * _SAME:
        return False
    return len(one & other) >= _SAME * len(one | other)
