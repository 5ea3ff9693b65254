"""Citations are read from the answer's numbers and hold letter for letter."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.responder.core import CitationReader, Passage
from workers.responder.core.citations import cite, claim_before
from workers.responder.core.quotes import MAX_QUOTE, best_quote, sentence_spans

BACKUPS = (
    "The office opens at nine. Backups are kept for thirty days. After that they are deleted.\n\n"
    "Requests for a restore go to the service desk."
)
LUNCH = "Lunch is served from noon. The canteen is closed on Mondays."


def passage(index: int, text: str, *, char_start: int = 1000, page: int = 3) -> Passage:
    return Passage(
        index=index,
        document_id=f"document-{index}",
        filename=f"file{index}.txt",
        page=page,
        char_start=char_start,
        char_end=char_start + len(text),
        text=text,
        similarity=0.5,
    )


PASSAGES = (passage(1, BACKUPS), passage(2, LUNCH, char_start=0, page=1))


def read(answer: str) -> CitationReader:
    reader = CitationReader(PASSAGES, "How long are backups kept?")
    reader.read(answer)
    return reader


def test_the_quote_is_the_sentence_that_supports_the_claim() -> None:
    [citation] = read("Lunch aside, backups are kept for thirty days [1].").citations
    assert citation.quote == "Backups are kept for thirty days."
    assert citation.document_id == "document-1"
    assert citation.filename == "file1.txt"
    assert citation.page == 3
    assert citation.similarity == 0.5


def test_the_quote_stands_at_its_span_of_the_parsed_text() -> None:
    parsed_text = "x" * 1000 + BACKUPS
    for claim in ("deleted after that", "service desk", "office opens at nine", "no shared word"):
        citation = cite(PASSAGES[0], claim, "?")
        assert citation is not None
        assert parsed_text[citation.char_start : citation.char_end] == citation.quote


def test_a_repeated_sentence_is_quoted_whole() -> None:
    [citation] = read("“After that they are deleted.” [1]").citations
    assert citation.quote == "After that they are deleted."


def test_a_claim_over_two_sentences_quotes_both() -> None:
    [citation] = read("Backups are kept for thirty days and then deleted after that [1].").citations
    assert citation.quote == "Backups are kept for thirty days. After that they are deleted."


def test_a_claim_in_other_words_falls_back_to_the_question() -> None:
    [citation] = read("Sie werden einen Monat lang aufbewahrt [1].").citations
    assert citation.quote == "Backups are kept for thirty days."


def test_each_passage_is_cited_once_at_its_first_mention() -> None:
    reader = read("Noon [2]. Thirty days [1]. The canteen is closed on Mondays [2].")
    assert [citation.index for citation in reader.citations] == [2, 1]
    assert reader.citations[0].quote == "Lunch is served from noon."


@pytest.mark.parametrize(
    ("answer", "cited"),
    [
        ("a [1, 2]", [1, 2]),
        ("a [1][2]", [1, 2]),
        ("a [1-2]", [1, 2]),
        ("a [1; 2]", [1, 2]),
        ("a \u30102\u3011", [2]),
        ("a [one] [1.2] [] [x1] (2) 2", []),
    ],
)
def test_numbers_are_read_in_every_usual_form(answer: str, cited: list[int]) -> None:
    assert [citation.index for citation in read(answer).citations] == cited


def test_invented_numbers_are_dropped_and_counted() -> None:
    reader = read("True [1]. Made up [3]. Also made up [0]. In the year [2024].")
    assert [citation.index for citation in reader.citations] == [1]
    assert reader.dropped == 3


@pytest.mark.parametrize(
    "answer",
    [
        'The handbook says "Backups are kept for ninety years, always" [1].',
        "“Lunch is served from noon until half past two.” [2]",
        "It is so: «Backups are kept for a whole year by law» [1].",
        "„Backups werden dreißig Jahre lang aufgehoben“, steht dort [1].",
        "“The canteen is closed on Mondays. It opens again on Tuesdays.” [2]",
        "“Backups are kept … for ever and ever and ever” [1]",
        "「備份保存九十年並且永遠不刪除」[1]",
    ],
)
def test_an_invented_quote_is_not_cited_and_counted(answer: str) -> None:
    reader = read(answer)
    assert reader.citations == ()
    assert reader.dropped == 1


@pytest.mark.parametrize(
    ("answer", "quote"),
    [
        (
            'It says "requests for  a restore go to the Service Desk", and no more [1].',
            "Requests for a restore go to the service desk.",
        ),
        (
            "“Requests … go to the service desk” [1]",
            "Requests for a restore go to the service desk.",
        ),
        ("“[They] are kept for thirty days.” [1]", "Backups are kept for thirty days."),
        ("“Made up from the beginning to the end.” So backups are kept [1].", None),
        ("You ask “how long are backups kept”: thirty days [1].", None),
        ('A 19" rack and a 24" screen: backups are kept for thirty days [1].', None),
    ],
)
def test_a_true_quote_is_cited_with_its_sentence(answer: str, quote: str | None) -> None:
    [citation] = read(answer).citations
    assert citation.quote == (quote or "Backups are kept for thirty days.")


def test_a_quote_with_the_number_of_another_passage_is_not_cited() -> None:
    reader = read("“Lunch is served from noon.” [1] “The canteen is closed on Mondays.” [2]")
    assert [citation.index for citation in reader.citations] == [2]
    assert reader.dropped == 1


def test_a_passage_whose_span_does_not_hold_is_not_cited() -> None:
    broken = Passage(
        index=1,
        document_id="d",
        filename="f",
        page=1,
        char_start=0,
        char_end=len(LUNCH) + 1,
        text=LUNCH,
        similarity=0.5,
    )
    reader = CitationReader([broken], "?")
    assert reader.read("Noon [1].") == []
    assert reader.dropped == 1


def test_the_page_is_that_of_the_quote_not_of_the_passage() -> None:
    text = "The first page ends here.\n\nBackups are kept for thirty days."
    crossing = Passage(
        index=1,
        document_id="d",
        filename="f",
        page=7,
        page_starts=((527, 9),),
        char_start=500,
        char_end=500 + len(text),
        text=text,
        similarity=0.5,
    )
    first = cite(crossing, "the first page ends", "?")
    second = cite(crossing, "backups are kept thirty days", "?")
    assert first is not None
    assert second is not None
    assert (first.page, second.page) == (7, 9)


@given(
    answer=st.lists(
        st.sampled_from(
            [
                "Backups are kept ",
                "for thirty days",
                " [1]",
                "[2",
                "]. ",
                "\n",
                "[1, 3-",
                "4]",
                "[9] ",
                "“Backups are kept for ninety years” ",
                '"',
                "x" * 900,
            ]
        ),
        max_size=30,
    ).map("".join),
    cuts=st.lists(st.integers(min_value=0, max_value=9000), max_size=20),
)
def test_citations_do_not_depend_on_how_the_answer_is_divided(answer: str, cuts: list[int]) -> None:
    whole = read(answer)
    edges = [0, *sorted(min(cut, len(answer)) for cut in cuts), len(answer)]
    reader = CitationReader(PASSAGES, "How long are backups kept?")
    found = [
        citation
        for start, end in itertools.pairwise(edges)
        for citation in reader.read(answer[start:end])
    ]
    assert tuple(found) == reader.citations == whole.citations
    assert reader.dropped == whole.dropped


@given(text=st.text(max_size=3000), claim=st.text(max_size=80), question=st.text(max_size=80))
def test_a_quote_is_within_its_passage_and_bounded(text: str, claim: str, question: str) -> None:
    span = best_quote(text, claim, question)
    assert 0 <= span.start <= span.end <= len(text)
    assert span.end - span.start <= MAX_QUOTE
    assert text[span.start : span.end].strip() == text[span.start : span.end]
    assert bool(text.strip()) == (span.end > span.start)


@given(text=st.text(alphabet=st.sampled_from("ab .!?\n\u3002 "), max_size=2000))
def test_sentences_cover_all_but_blanks(text: str) -> None:
    spans = sentence_spans(text)
    said = "".join(text[span.start : span.end] for span in spans)
    assert "".join(said.split()) == "".join(text.split())
    assert all(one.end <= other.start for one, other in itertools.pairwise(spans))


def test_a_claim_is_the_sentence_before_its_number() -> None:
    assert claim_before("One thing. Another thing is so [1][2] ") == "Another thing is so"
    assert claim_before("- first\n- the second ") == "the second"
    assert claim_before("It costs 3.50 euros. ") == "It costs 3.50 euros"
    assert claim_before("\u4e00\u3002\u4e8c\u4e09\u3002") == "\u4e8c\u4e09"


def test_reading_a_long_answer_takes_no_time() -> None:
    reader = CitationReader(PASSAGES, "?")
    for _ in range(20_000):
        reader.read("Backups are kept for thirty days [[[1 ")
    reader.read(" [1]")
    assert [citation.index for citation in reader.citations] == [1]


#: Two pages' chunks, read as one; the parsed text has other blanks between them.
PARSED = "Backups are kept for thirty days\u2003\n\tand then they are deleted by the provider."
GAP = (32, 35)
WIDENED = Passage(
    index=1,
    document_id="d",
    filename="f",
    page=1,
    page_starts=((1035, 2),),
    char_start=1000,
    char_end=1000 + len(PARSED),
    text=PARSED[: GAP[0]] + "\n\n\n" + PARSED[GAP[1] :],
    pieces=((0, GAP[0]), (GAP[1], len(PARSED))),
    similarity=0.5,
)


@pytest.mark.parametrize(
    "claim",
    [
        "thirty days and then they are deleted by the provider",
        "Backups are kept for thirty days\n\n\nand then",
        "nothing that it says",
    ],
)
def test_a_quote_never_has_the_blanks_between_two_chunks(claim: str) -> None:
    citation = cite(WIDENED, claim, "?")
    assert citation is not None
    at = slice(citation.char_start - 1000, citation.char_end - 1000)
    assert PARSED[at] == citation.quote
    assert citation.page == (1 if citation.char_start < 1035 else 2)
    assert len(citation.quote) > 20
