"""Ranges of characters: half open, in one document each."""

from collections.abc import Iterable, Mapping

Range = tuple[int, int]
#: Disjoint ranges in order, by document.
Spans = Mapping[str, list[Range]]


def union(ranges: Iterable[Range]) -> list[Range]:
    """Return disjoint ranges in order that have the same characters."""
    merged: list[Range] = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        elif start < end:
            merged.append((start, end))
    return merged


def intersection(one: list[Range], other: list[Range]) -> list[Range]:
    """Return what two lists of disjoint ranges have in common."""
    common = ((max(a[0], b[0]), min(a[1], b[1])) for a in one for b in other)
    return [(start, end) for start, end in common if start < end]


def difference(one: Range, others: list[Range]) -> list[Range]:
    """Return what is left of a range without those of ``others``, which are disjoint."""
    left: list[Range] = []
    start, end = one
    for taken_start, taken_end in sorted(others):
        if start < min(taken_start, end):
            left.append((start, min(taken_start, end)))
        start = max(start, taken_end)
    return [*left, (start, end)] if start < end else left


def length(ranges: Iterable[Range]) -> int:
    """Return the number of characters of disjoint ranges."""
    return sum(end - start for start, end in ranges)


def within_budget(ranked: Iterable[tuple[str, Range]], characters: int) -> dict[str, list[Range]]:
    """Return the first so many characters of ranked ranges of documents.

    What was there already does not count again; the range that reaches the budget is cut.
    """
    taken: dict[str, list[Range]] = {}
    left = characters
    for document, wanted in ranked:
        for start, end in difference(wanted, taken.get(document, [])):
            cut = min(end, start + left)
            if start < cut:
                taken[document] = union([*taken.get(document, []), (start, cut)])
                left -= cut - start
    return taken
