"""A file's name is kept as one plain name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.documents.filenames import MAX_BYTES, attachment, safe_filename
from gateway.refusals import InvalidFilename


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\ada\\report.pdf", "report.pdf"),
        ("..\\..\\report.pdf", "report.pdf"),
        ("re\x00po\x1brt\r\n.pdf", "report .pdf"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("  many   blanks .txt ", "many blanks .txt"),
        ("Übergröße 日本.txt", "Übergröße 日本.txt"),
        ("U\u0308ber.txt", "Über.txt"),
        ("a\u200b\u0308.txt", "ä.txt"),
        (".hidden.txt", ".hidden.txt"),
    ],
)
def test_keeps_the_last_part_without_what_is_invisible(sent: str, kept: str) -> None:
    assert safe_filename(sent) == kept


@pytest.mark.parametrize("sent", [None, "", "..", "/", "a/", "\x00\x01", "...", "\u202e", "--- .-"])
def test_refuses_a_name_of_which_nothing_is_left(sent: str | None) -> None:
    with pytest.raises(InvalidFilename):
        safe_filename(sent)


def test_cuts_a_long_name_before_its_ending() -> None:
    kept = safe_filename("ä" * 400 + ".pdf")
    assert kept.endswith("ä.pdf")
    assert MAX_BYTES - 2 <= len(kept.encode()) <= MAX_BYTES


@given(st.text(max_size=600))
def test_whatever_is_sent_is_kept_harmless_or_refused(sent: str) -> None:
    try:
        kept = safe_filename(sent)
    except InvalidFilename:
        return
    assert "/" not in kept
    assert "\\" not in kept
    assert kept.isprintable()
    assert 1 <= len(kept.encode()) <= MAX_BYTES
    assert safe_filename(kept) == kept


def test_a_download_says_the_name_in_ascii_and_in_full() -> None:
    assert attachment('a "b"; ü.pdf') == (
        "attachment; filename=\"a _b_; _.pdf\"; filename*=UTF-8''a%20%22b%22%3B%20%C3%BC.pdf"
    )
