from dataclasses import dataclass

import pytest

from evaluation.alignment import ParsedText
from evaluation.dataset import Reference
from evaluation.squeezing import squeezed_length


@dataclass(frozen=True)
class Cut:
    char_start: int
    text: str

    @property
    def char_end(self) -> int:
        return self.char_start + len(self.text)


def parsed(text: str) -> ParsedText:
    """A text in chunks without the white space between them."""
    words = text.split(" ")
    starts = [len(" ".join([*words[:number], ""])) for number in range(len(words))]
    return ParsedText([Cut(start, word) for start, word in zip(starts, words, strict=True)])


def quoting(quote: str, *, after: int | None = None) -> Reference:
    return Reference(document="a.md", quote=quote, after=after, place="questions.csv, line 2")


def located(text: str, reference: Reference) -> str | None:
    found = parsed(text).locate(reference)
    return None if found is None else text[found[0] : found[1]]


def test_puts_a_text_together_from_its_chunks() -> None:
    assert parsed("One two three.").text == "One two three."


def test_chunks_that_overlap_are_one_text() -> None:
    assert ParsedText([Cut(0, "One two"), Cut(4, "two three")]).text == "One two three"


@pytest.mark.parametrize(
    ("text", "quote", "expected"),
    [
        ("It was kept for ninety days.", "kept for ninety", "kept for ninety"),
        ("It was kept for ninety days.", "kept\r\n  for \t ninety", "kept for ninety"),
        ("It was **kept** for nine-ty days.", "kept for ninety days.", "kept** for nine-ty days"),
        ("It was “kept” for ninety days.", 'was "kept" for', "was “kept” for"),
        ("The ﬁnal oﬃce is closed.", "final office is", "ﬁnal oﬃce is"),
    ],
)
def test_finds_a_quote_however_the_parser_laid_it_out(text: str, quote: str, expected: str) -> None:
    assert located(text, quoting(quote)) == expected


def test_a_span_ends_where_the_quote_ends() -> None:
    assert located("It was kept for ninety days. More.", quoting("ninety  days.")) == "ninety days."


def test_of_equal_quotes_the_one_at_the_place_is_found() -> None:
    original = "Yes.\n\n\n\nYes.\n\n\n\n\n\nYes."
    text = "Yes.\n\nYes.\n\nYes."

    for number, place in enumerate((0, 8, 18)):
        reference = quoting("Yes.", after=squeezed_length(original[:place]))
        start = 6 * number
        assert ParsedText([Cut(0, text)]).locate(reference) == (start, start + 4)


def test_a_quote_that_is_not_there_is_not_found() -> None:
    assert located("It was kept for ninety days.", quoting("It was kept for ten days.")) is None


def test_a_short_quote_is_not_found_by_its_letters_alone() -> None:
    assert located("A no-go area", quoting("nogo")) is None


def test_a_span_of_the_parsed_text_is_taken_as_it_is() -> None:
    text = ParsedText([Cut(0, "It was kept.")])

    assert text.locate(Reference(document="a", span=(3, 6), place="")) == (3, 6)
    assert text.locate(Reference(document="a", span=(300, 600), place="")) is None
