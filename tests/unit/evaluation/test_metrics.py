"""Numbers that were worked out by hand."""

import pytest

from evaluation.metrics import mean, ndcg, overlap, percentile, reciprocal_rank


def test_compares_the_characters_that_answer_with_those_that_were_found() -> None:
    # 30 characters answer. 40 are found: 10 of the first passage, 5 of the second, 25 others.
    measured = overlap({"a": [(0, 20)], "b": [(100, 110)]}, {"a": [(10, 40)], "b": [(105, 115)]})

    assert measured.recall == pytest.approx(15 / 30)
    assert measured.precision == pytest.approx(15 / 40)
    assert measured.iou == pytest.approx(15 / 55)


def test_the_same_span_of_another_document_is_no_hit() -> None:
    assert overlap({"a": [(0, 20)]}, {"b": [(0, 20)]}).recall == 0


def test_what_no_document_has_counts_as_not_found() -> None:
    measured = overlap({"a": [(0, 20)]}, {"a": [(0, 20)]}, missing=60)

    assert measured.recall == pytest.approx(0.25)
    assert measured.precision == 1
    assert measured.iou == pytest.approx(0.25)


def test_nothing_found_is_zero() -> None:
    measured = overlap({"a": [(0, 20)]}, {})

    assert (measured.recall, measured.precision, measured.iou) == (0, 0, 0)


def test_ndcg_discounts_by_rank() -> None:
    # 3/log2(2) + 2/log2(3) + 3/log2(4) + 0 + 1/log2(6) + 2/log2(7) = 6.861. At best it would be
    # 3/log2(2) + 3/log2(3) + 3/log2(4) + 2/log2(5) + 2/log2(6) + 2/log2(7) = 8.740.
    measured = ndcg([3, 2, 3, 0, 1, 2], [3, 2, 1, 3, 2, 0, 3, 2], depth=6)

    assert measured == pytest.approx(6.8611 / 8.7403, abs=1e-4)


def test_ndcg_looks_at_ten_results() -> None:
    assert ndcg([0] * 10 + [1], [1]) == 0
    assert ndcg([0] * 9 + [1], [1]) == pytest.approx(0.28906, abs=1e-5)  # 1 / log2(11)
    assert ndcg([1] * 10, [1] * 40) == 1


def test_ndcg_of_a_question_with_nothing_relevant_is_zero() -> None:
    assert ndcg([0, 0], []) == 0


def test_the_reciprocal_rank_is_that_of_the_first_relevant_result() -> None:
    assert reciprocal_rank([0, 0, 2, 1]) == pytest.approx(1 / 3)
    assert reciprocal_rank([0] * 10 + [1]) == 0
    assert reciprocal_rank([]) == 0


def test_a_percentile_is_a_value_that_was_there() -> None:
    assert percentile([4, 1, 3, 2], 50) == 2
    assert percentile(range(1, 101), 95) == 95
    assert percentile([7], 95) == 7
    assert percentile([], 50) == 0


def test_the_mean_of_nothing_is_zero() -> None:
    assert mean([]) == 0
    assert mean([1, 2, 6]) == 3
