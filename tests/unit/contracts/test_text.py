"""The parsed text of a document."""

from hypothesis import given
from hypothesis import strategies as st

from contracts.text import PAGE_BREAK, join_pages


def test_joins_pages_by_a_blank_line() -> None:
    assert join_pages(["One.", "", "Two."]) == ("One.\n\n\n\nTwo.", [0, 6, 8])


def test_a_document_without_pages_has_an_empty_text() -> None:
    assert join_pages([]) == ("", [])


@given(st.lists(st.text()))
def test_every_page_stands_where_it_is_said_to_start(pages: list[str]) -> None:
    text, starts = join_pages(pages)
    assert [
        text[start : start + len(page)] for start, page in zip(starts, pages, strict=True)
    ] == pages
    assert len(text) == sum(map(len, pages)) + len(PAGE_BREAK) * max(len(pages) - 1, 0)
