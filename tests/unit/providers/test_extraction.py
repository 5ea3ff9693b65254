"""Which sentences the local answers quote."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.chat.extraction import MOST_QUOTES, best_quotes, content_words, split_sentences
from providers.chat.protocol import Passage

ANY_TEXT = st.text(st.sampled_from("abcd .!?\n界。\"'x1"), max_size=120)


def passages(*texts: str) -> list[Passage]:
    return [
        Passage(index=number, filename="f.txt", page=1, text=text)
        for number, text in enumerate(texts, start=1)
    ]


def test_quotes_the_sentence_that_answers_wherever_it_stands() -> None:
    found = best_quotes(
        "How long is the warranty of the pump?",
        passages(
            "The pump is blue. It weighs nine kilograms.",
            "Call us on Mondays. The warranty of the pump is three years. Thank you.",
        ),
    )
    assert (found[0].index, found[0].text) == (2, "The warranty of the pump is three years.")


def test_prefers_a_rare_word_over_common_ones() -> None:
    found = best_quotes(
        "Which valve does the pump use?",
        passages("The pump runs. The pump stops. The pump hums. A brass valve sits on top."),
    )
    assert found[0].text == "A brass valve sits on top."


def test_prefers_a_statement_over_a_heading_or_a_question() -> None:
    found = best_quotes(
        "What is the warranty?",
        passages("# Warranty\n\nWhat is the warranty? The warranty lasts three years."),
    )
    assert found[0].text == "The warranty lasts three years."


def test_finds_words_in_another_form() -> None:
    found = best_quotes("Who tested the pumps?", passages("It rained. Ada was testing a pump."))
    assert found[0].text == "Ada was testing a pump."


def test_finds_sentences_of_a_script_without_blanks() -> None:
    found = best_quotes("保修期多久", passages("今天下雨。这台泵的保修期是三年。请联系我们。"))
    assert found[0].text == "这台泵的保修期是三年。"


def test_says_nothing_twice() -> None:
    sentence = "The warranty lasts three years."
    found = best_quotes("How long is the warranty?", passages(sentence, sentence))
    assert [quote.index for quote in found] == [1]


def test_quotes_the_best_passage_when_no_word_is_shared() -> None:
    found = best_quotes("Wie lange?", passages("First sentence. Second.", "Another passage."))
    assert [quote.text for quote in found] == ["First sentence."]


def test_quotes_nothing_of_nothing() -> None:
    assert best_quotes("Anything?", []) == []
    assert best_quotes("Anything?", passages(" \n ")) == []


@given(ANY_TEXT, st.lists(ANY_TEXT, max_size=4))
def test_every_quote_is_a_substring_of_its_passage(question: str, texts: list[str]) -> None:
    sources = passages(*texts)
    found = best_quotes(question, sources)
    assert len(found) <= MOST_QUOTES
    assert bool(found) == any(text.strip() for text in texts)
    for quote in found:
        assert quote.text.strip()
        assert quote.text in sources[quote.index - 1].text
    assert found == best_quotes(question, sources)


@given(ANY_TEXT)
def test_splitting_loses_nothing_but_blanks(text: str) -> None:
    sentences = split_sentences(text)
    assert "".join("".join(sentences).split()) == "".join(text.split())
    assert all(sentence in text for sentence in sentences)


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("It cost 3.5 million. Much.", ["It cost 3.5 million.", "Much."]),
        ('He said "Go." Then he went.', ['He said "Go."', "Then he went."]),
        ("A heading\n\nIts text goes\non here.", ["A heading", "Its text goes\non here."]),
        ("一句。两句！", ["一句。", "两句！"]),  # noqa: RUF001
        ("Ünï went. Über alles.", ["Ünï went.", "Über alles."]),
    ],
)
def test_splits_where_sentences_end(text: str, sentences: list[str]) -> None:
    assert split_sentences(text) == sentences


def test_quotes_an_endless_sentence_in_pieces() -> None:
    pieces = split_sentences("word " * 1_000)
    assert max(map(len, pieces)) <= 500
    assert "".join(pieces).replace(" ", "") == "word" * 1_000


def test_words_that_carry_no_meaning_do_not_count() -> None:
    assert content_words("What is the length of it?") == content_words("LENGTH")
