from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from evaluation.ranges import difference, intersection, length, union, within_budget

RANGES = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 12)).map(lambda one: (one[0], one[0] + one[1]))
)


def characters(ranges: list[tuple[int, int]]) -> set[int]:
    return {place for start, end in ranges for place in range(start, end)}


@given(RANGES)
def test_a_union_has_the_same_characters_once(ranges: list[tuple[int, int]]) -> None:
    merged = union(ranges)

    assert characters(merged) == characters(ranges)
    assert length(merged) == len(characters(ranges))
    assert all(one[1] < next_[0] for one, next_ in pairwise(merged))


@given(RANGES, RANGES)
def test_an_intersection_has_what_is_in_both(
    one: list[tuple[int, int]], other: list[tuple[int, int]]
) -> None:
    common = intersection(union(one), union(other))

    assert characters(common) == characters(one) & characters(other)
    assert length(common) == len(characters(common))


@given(st.tuples(st.integers(0, 30), st.integers(31, 70)), RANGES)
def test_a_difference_leaves_what_others_do_not_have(
    one: tuple[int, int], others: list[tuple[int, int]]
) -> None:
    left = difference(one, union(others))

    assert characters(left) == characters([one]) - characters(others)
    assert length(left) == len(characters(left))


def test_the_range_that_reaches_the_budget_is_cut() -> None:
    assert within_budget([("a", (0, 100)), ("a", (200, 300)), ("b", (0, 9))], 150) == {
        "a": [(0, 100), (200, 250)]
    }


def test_what_was_there_already_does_not_count_again() -> None:
    ranked = [("a", (50, 100)), ("a", (0, 120)), ("b", (0, 50))]

    assert within_budget(ranked, 150) == {"a": [(0, 120)], "b": [(0, 30)]}


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.tuples(st.integers(0, 40), st.integers(41, 60)))),
    st.integers(0, 100),
)
def test_never_more_than_the_budget_is_taken(
    ranked: list[tuple[str, tuple[int, int]]], budget: int
) -> None:
    taken = within_budget(ranked, budget)

    everything = {(document, at) for document, one in ranked for at in characters([one])}
    assert sum(map(length, taken.values())) == min(budget, len(everything))
