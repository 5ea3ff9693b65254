"""Which words of a text count: stems, without stop words, in scripts with and without blanks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.words import MOST_COUNTED, MOST_TERMS, VOCABULARY, count_words, search_terms


def shared(one: str, other: str) -> int:
    return len(count_words(one).counts.keys() & set(search_terms(other)))


@pytest.mark.parametrize(
    ("text", "question", "words"),
    [
        ("Backups are kept for thirty days.", "How long is a BACKUP kept?", 2),
        ("The provider\u2019s duties", "the provider's duty", 2),
        ("ISO-9001 and 32.5 %", "iso 9001", 2),
        ("Der Vertrag läuft über zwölf Monate.", "LÄUFT der Vertrag?", 3),
        ("Die Straße", "STRASSE", 1),
        ("备份保留三十天。", "备份保留多久", 3),
        ("バックアップは30日間", "バックアップ", 5),
        ("\ufb01le \uff21\uff11", "file a1", 2),
        ("Nothing in common", "completely different", 0),
    ],
)
def test_a_question_shares_words_with_a_text(text: str, question: str, words: int) -> None:
    assert shared(text, question) == words


@pytest.mark.parametrize("text", ["", "  \n", "what is the", "...!?", "_ _"])
def test_there_may_be_no_word(text: str) -> None:
    assert search_terms(text) == []
    assert count_words(text).counts == {}
    assert count_words(text).length == 0


def test_repetitions_count_up_to_a_bound_and_fully_for_the_length() -> None:
    words = count_words("fee " * 9 + "limit")
    assert sorted(words.counts.values()) == [1, MOST_COUNTED]
    assert words.length == 10


def test_of_a_very_long_question_the_longest_words_are_looked_for() -> None:
    short = [f"ab{number}" for number in range(50)]
    terms = search_terms(" ".join([*short, "extraordinarily", "uncharacteristic"]))
    assert len(terms) == MOST_TERMS
    assert {*search_terms("extraordinarily uncharacteristic")} <= {*terms}


@given(st.text(max_size=300))
def test_every_text_has_words_that_fit_the_table(text: str) -> None:
    words = count_words(text)
    assert all(0 <= number < VOCABULARY for number in words.counts)
    assert all(1 <= count <= MOST_COUNTED for count in words.counts.values())
    assert {*search_terms(text)} <= words.counts.keys()
    assert len(words.counts) <= words.length
