"""Passages that say the same take one place."""

import uuid

from contracts.ids import ChunkId, DocumentId
from retrieval.duplicates import without_near_duplicates
from store.nearest import Found

TERMS = (
    "The provider keeps backups for thirty days. After that they are deleted, unless the customer "
    "has asked for a longer time in writing. Requests go to the service desk. "
)


def found(text: str, number: int = 0) -> Found:
    return Found(
        chunk_id=ChunkId(uuid.UUID(int=number)),
        ordinal=number,
        page_first=1,
        page_last=1,
        char_start=0,
        char_end=len(text),
        text=text,
        document_id=DocumentId(uuid.UUID(int=1)),
        version=1,
        filename="f",
        similarity=1.0 - number / 100,
    )


def kept(*texts: str, limit: int = 10) -> list[int]:
    ranked = [found(text, number) for number, text in enumerate(texts)]
    return [
        one.ordinal for one in without_near_duplicates(ranked, limit, text_of=lambda one: one.text)
    ]


def test_the_same_text_is_kept_once_the_better_ranked() -> None:
    assert kept(TERMS, "Something else entirely.", TERMS) == [0, 1]


def test_layout_and_a_changed_number_make_no_other_passage() -> None:
    assert kept(TERMS, TERMS.upper().replace(" ", "\n"), TERMS + "Page 7") == [0]


def test_a_different_fact_makes_another_passage() -> None:
    other = "The provider keeps no backups at all; the customer is responsible for them."
    assert kept(TERMS, other) == [0, 1]


def test_a_longer_passage_that_contains_another_is_another() -> None:
    assert kept(TERMS, TERMS + "Restores are free of charge within the first week. " * 3) == [0, 1]


def test_other_scripts_are_told_apart() -> None:
    one = "\u5907\u4efd\u4fdd\u7559\u4e09\u5341\u5929\u3002"
    other = "\u98df\u5802\u661f\u671f\u4e00\u4e0d\u5f00\u95e8\u3002"
    assert kept(one, other, one) == [0, 1]


def test_at_most_as_many_as_asked_for() -> None:
    assert kept("alpha beta", "gamma delta", "epsilon zeta", limit=2) == [0, 1]


def test_passages_without_letters_do_not_break_it() -> None:
    assert kept("...", "---", "!") == [0]
