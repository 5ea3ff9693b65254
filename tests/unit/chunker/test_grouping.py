"""Sentences into chunks."""

import pytest

from contracts.text import join_pages
from workers.chunker.core import MAX_CHUNK_BYTES, Chunk, chunk_text, group_sentences

SENTENCES = [f"This sentence is about {'very ' * number}old ships." for number in range(12)]


def texts_of(chunks: list[Chunk]) -> list[str]:
    return [chunk.text for chunk in chunks]


def test_puts_five_sentences_into_a_chunk() -> None:
    chunks = chunk_text(" ".join(SENTENCES), [0])
    assert texts_of(chunks) == [
        " ".join(SENTENCES[:5]),
        " ".join(SENTENCES[5:10]),
        " ".join(SENTENCES[10:]),
    ]


def test_puts_as_many_sentences_into_a_chunk_as_asked() -> None:
    assert texts_of(chunk_text(" ".join(SENTENCES), [0], size=1)) == SENTENCES


def test_numbers_chunks_from_zero() -> None:
    assert [chunk.ordinal for chunk in chunk_text(" ".join(SENTENCES), [0])] == [0, 1, 2]


def test_a_text_without_letters_or_signs_has_no_chunks() -> None:
    assert chunk_text(" \n\n\t ", [0]) == []


def test_names_the_pages_on_which_a_chunk_starts_and_ends() -> None:
    text, starts = join_pages(["One. Two.", "", "Three. Four.", "Five. Six."])
    pages = [(chunk.page_first, chunk.page_last) for chunk in chunk_text(text, starts, size=3)]
    assert pages == [(1, 3), (3, 4)]


def test_a_chunk_that_ends_with_its_page_does_not_reach_the_next() -> None:
    text, starts = join_pages(["One. Two.", "Three."])
    pages = [(chunk.page_first, chunk.page_last) for chunk in chunk_text(text, starts, size=2)]
    assert pages == [(1, 1), (2, 2)]


def test_takes_fewer_sentences_where_they_are_long() -> None:
    text = " ".join(f"{'word ' * 300}end." for _ in range(5))
    assert [chunk.text.count("end.") for chunk in chunk_text(text, [0])] == [2, 2, 1]


def test_cuts_a_sentence_that_is_too_long_at_a_blank() -> None:
    text = "word " * 3_000
    chunks = chunk_text(text, [0])
    assert len(chunks) == 4
    assert "".join(texts_of(chunks)).count("word") == 3_000
    assert all(chunk.text.endswith("word") and len(chunk.text) <= 4_000 for chunk in chunks)


def test_goes_on_with_the_next_sentence_after_a_cut_one() -> None:
    chunks = chunk_text("word " * 1_000 + "end. Short one.", [0])
    assert chunks[-1].text.endswith("end. Short one.")


def test_counts_bytes_for_scripts_that_take_many() -> None:
    chunks = chunk_text("字" * 10_000, [0])
    assert [len(chunk.text.encode()) for chunk in chunks] == [7_998, 7_998, 7_998, 6_006]
    assert MAX_CHUNK_BYTES == 8_000


@pytest.mark.parametrize(
    "character",
    ["e\u0301", "👩‍👩‍👧‍👦", "👍🏽", "🇫🇷", "❤️", "\u1112\u1161\u11ab", "นี่"],
    ids=["accent", "family", "skin tone", "flag", "variation", "jamo", "Thai"],
)
def test_never_cuts_inside_what_is_read_as_one_character(character: str) -> None:
    for max_chars in range(len(character), 3 * len(character)):
        for text in texts_of(chunk_text(character * 40, [0], max_chars=max_chars)):
            assert text == character * (len(text) // len(character))


@pytest.mark.parametrize(("size", "max_chars"), [(0, 100), (5, 0), (-1, 100)])
def test_refuses_chunks_of_nothing(size: int, max_chars: int) -> None:
    with pytest.raises(ValueError, match="at least one"):
        group_sentences("a", [(0, 1)], size=size, page_starts=[0], max_chars=max_chars)
