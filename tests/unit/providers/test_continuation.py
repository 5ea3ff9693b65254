"""How the parts of an answer are joined."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.chat.continuation import Seam, continued, overlap
from providers.chat.protocol import Message

QUESTION = (Message(role="user", text="q"),)
WORDS = st.text(st.sampled_from("ab c\n.界 -"), max_size=80)


@pytest.mark.parametrize(
    ("said", "more", "repeated"),
    [
        ("The quick brown fox jumps", "brown fox jumps over", 15),
        ("The quick brown fox jumps", "quick brown fox jumps over", 21),
        ("The quick brown fox jumps", "\nquick brown fox jumps over", 22),
        ("The quick brown fox jumps", "over the lazy dog", 0),
        ("and so on and so on", "and so on, as they say", 0),
        ("| --- | --- | --- |\n| --- | --- | --- |", "| --- | --- | --- |\n", 0),
        ("", "anything at all that is new", 0),
        ("anything at all that is old", "", 0),
    ],
)
def test_tells_a_repetition_from_new_text(said: str, more: str, repeated: int) -> None:
    expected = repeated if repeated >= 16 else 0
    assert overlap(said, more) == expected


@given(st.text("abcdef ", min_size=30, max_size=300), st.integers(16, 400))
def test_never_finds_more_than_what_was_said(said: str, length: int) -> None:
    more = said[-length:] + " and on"
    found = overlap(said, more)
    assert more[:found].strip() in said


@given(WORDS, st.lists(st.integers(1, 9)))
def test_one_part_alone_is_said_as_it_comes(text: str, sizes: list[int]) -> None:
    seam = Seam()
    assert "".join(map(seam.feed, _pieces(text, sizes))) + seam.end() == text


@given(WORDS, WORDS)
def test_a_cut_part_and_its_exact_rest_make_the_text(first: str, second: str) -> None:
    text = first + second
    seam = Seam()
    said = seam.feed(first)
    left, gap = seam.cut()
    said += left
    assert text.startswith(said)
    rest = Seam(said, gap)
    joined = rest.feed(text[len(said) :]) + rest.end()
    # A short text may repeat its own beginning; then the repetition is not said again.
    assert said + joined == text or overlap(said, text[len(said) :])


def test_a_word_that_was_cut_is_not_said_twice() -> None:
    seam = Seam()
    assert seam.feed("the quick bro") == "the quick"
    assert seam.cut() == ("", " ")
    rest = Seam("the quick", " ")
    assert rest.feed("brown fox") + rest.end() == " brown fox"


def test_the_blanks_at_a_seam_stay_what_they_were() -> None:
    seam = Seam()
    said = seam.feed("A heading\n\n    code_that_was_c")
    left, gap = seam.cut()
    assert (said + left, gap) == ("A heading", "\n\n    ")


def test_a_run_without_blanks_is_not_held_back() -> None:
    seam = Seam()
    assert seam.feed("字" * 100) == "字" * 100
    assert seam.cut() == ("", "")


def test_asks_for_the_rest_only_when_something_was_said() -> None:
    assert continued(QUESTION, "") == QUESTION
    question, partial, go_on = continued(QUESTION, "Half an")
    assert (question, partial) == (QUESTION[0], Message(role="assistant", text="Half an"))
    assert go_on.role == "user"


def _pieces(text: str, sizes: list[int]) -> list[str]:
    pieces: list[str] = []
    for size in sizes:
        pieces.append(text[:size])
        text = text[size:]
    return [*pieces, text]
