"""Two rankings become one by the weights of the model's card, and the threshold rules context."""

import pytest

from retrieval.choosing import choose
from retrieval.fusion import RANK_CONSTANT, Ranked, fuse
from store.nearest import Found
from tests.unit.retrieval.given import found

ONE, TWO, THREE = (found(number, text=f"passage {number} about {number}") for number in range(3))


def order(by_vector: list[Found], by_words: list[Found], weight: float) -> list[int]:
    return [one.found.ordinal for one in fuse(by_vector, by_words, vector_weight=weight)]


def test_a_weak_model_does_not_drag_the_words_down() -> None:
    by_vector, by_words = [ONE, TWO, THREE], [THREE, TWO]
    assert order(by_vector, by_words, 0.1) == [2, 1, 0]
    assert order(by_vector, by_words, 100.0) == [0, 1, 2]


def test_one_ranking_alone_keeps_its_order_whatever_the_weight() -> None:
    assert order([TWO, ONE], [], 0.1) == [1, 0]
    assert order([], [THREE, ONE], 0.1) == [2, 0]


def test_the_score_is_a_share_of_the_best_possible() -> None:
    both, second = fuse([ONE, TWO], [ONE], vector_weight=0.5)
    assert both.score == pytest.approx(1)
    assert (both.vector_rank, both.lexical_rank) == (1, 1)
    assert second.score == pytest.approx(0.5 / 1.5 * (RANK_CONSTANT + 1) / (RANK_CONSTANT + 2))
    assert (second.vector_rank, second.lexical_rank) == (2, None)
    assert fuse([], [ONE], vector_weight=0.5)[0].score == pytest.approx(1)


def test_of_chunks_that_fit_alike_the_earlier_comes_first() -> None:
    assert order([TWO], [ONE], 1.0) == [0, 1]


def ranked(ordinal: int, similarity: float, *, by_words: bool) -> Ranked:
    text = f"{ordinal} {ordinal * 7919} {'abcdefghij'[ordinal] * 40}"
    return Ranked(
        found=found(ordinal, text=text, similarity=similarity),
        score=1 - ordinal / 10,
        vector_rank=ordinal + 1,
        lexical_rank=1 if by_words else None,
    )


def chosen(ranking: list[Ranked], *, threshold: float, limit: int) -> list[tuple[int, bool]]:
    return [
        (one.ranked.found.ordinal, one.is_context)
        for one in choose(ranking, threshold=threshold, limit=limit)
    ]


def test_what_words_found_is_context_by_its_similarity_alone() -> None:
    ranking = [ranked(0, 0.1, by_words=True), ranked(1, 0.5, by_words=False)]
    assert chosen(ranking, threshold=0.4, limit=5) == [(0, False), (1, True)]


def test_what_only_vectors_found_below_the_threshold_is_not_shown() -> None:
    assert chosen([ranked(0, 0.1, by_words=False)], threshold=0.4, limit=5) == []


def test_context_goes_before_everything_else_where_room_is_scarce() -> None:
    ranking = [
        ranked(0, 0.1, by_words=True),
        ranked(1, 0.1, by_words=True),
        ranked(2, 0.5, by_words=True),
        ranked(3, 0.6, by_words=True),
    ]
    assert chosen(ranking, threshold=0.4, limit=2) == [(2, True), (3, True)]
    assert chosen(ranking, threshold=0.4, limit=3) == [(0, False), (2, True), (3, True)]


def test_a_repeated_passage_takes_one_place() -> None:
    same = [ranked(0, 0.5, by_words=True), ranked(0, 0.5, by_words=True)]
    assert chosen([*same, ranked(1, 0.5, by_words=True)], threshold=0.4, limit=2) == [
        (0, True),
        (1, True),
    ]
