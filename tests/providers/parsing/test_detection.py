import pytest

from contracts.errors import EmptyDocument, UnsupportedMediaType
from providers.parsing.detection import HEAD_BYTES, MediaType, detect_media_type
from tests.fixtures import documents

PDF = documents.pdf(["text"])
DOCX = documents.docx(["text"])
XLSX = documents.xlsx({"Sheet": [["text"]]})
PPTX = documents.pptx(["text"])


@pytest.mark.parametrize(
    ("head", "filename", "declared", "expected"),
    [
        (PDF, "a.pdf", "application/pdf", MediaType.PDF),
        (PDF, "a.pdf", None, MediaType.PDF),
        (PDF, "without-suffix", "application/octet-stream", MediaType.PDF),
        (b"\n\n junk before it \n" + PDF, "a.pdf", None, MediaType.PDF),
        (DOCX, "a.docx", MediaType.DOCX, MediaType.DOCX),
        (DOCX, "a", None, MediaType.DOCX),
        (DOCX, "a.docx", "application/zip", MediaType.DOCX),
        (XLSX, "A.XLSX", None, MediaType.XLSX),
        (PPTX, "a.pptx", None, MediaType.PPTX),
        (documents.encrypted_office(), "a.docx", None, MediaType.DOCX),
        (b"<!doctype html><p>x", "a.html", "text/html; charset=utf-8", MediaType.HTML),
        (b"\n<HTML><body>x", "page", None, MediaType.HTML),
        (b"<p>a fragment", "a.htm", None, MediaType.HTML),
        (b"# Title", "a.md", "text/plain", MediaType.MARKDOWN),
        (b"# Title", "a.md", "application/octet-stream", MediaType.MARKDOWN),
        (b"# Title", "a", "text/markdown", MediaType.MARKDOWN),
        (b"a,b\n1,2", "a.csv", "application/vnd.ms-excel", MediaType.CSV),
        (b"a,b\n1,2", "a.csv", "text/csv", MediaType.CSV),
        (b"plain", "a.txt", None, MediaType.TEXT),
        (b"plain", "notes.log", "text/plain", MediaType.TEXT),
        (b"plain", "no suffix", None, MediaType.TEXT),
        ("Grüße".encode("latin-1"), "a.txt", None, MediaType.TEXT),
        ("日本語".encode("shift_jis"), "a.txt", None, MediaType.TEXT),
        ("text".encode("utf-16"), "a.txt", None, MediaType.TEXT),
        ("ü".encode() * HEAD_BYTES, "a.txt", None, MediaType.TEXT),
    ],
)
def test_tells_the_kind_by_content(
    head: bytes, filename: str, declared: str | None, expected: MediaType
):
    assert detect_media_type(head[:HEAD_BYTES], filename, declared) is expected


@pytest.mark.parametrize(
    ("head", "filename", "declared"),
    [
        (b"hello", "a.pdf", "application/pdf"),
        (b"hello", "a.pdf", None),
        (b"hello", "a", "application/pdf"),
        (b"hello", "a.docx", None),
        (PDF, "a.docx", None),
        (PDF, "a.txt", "text/plain"),
        (PDF, "a.pdf", "image/png"),
        (PDF, "a", MediaType.DOCX),
        (DOCX, "a.xlsx", None),
        (DOCX, "a.docx", MediaType.XLSX),
        (XLSX, "a.csv", None),
        (b"<html>", "a.html", "application/pdf"),
    ],
)
def test_refuses_a_name_or_a_client_that_lies(head: bytes, filename: str, declared: str | None):
    with pytest.raises(UnsupportedMediaType, match="its content is"):
        detect_media_type(head, filename, declared)


@pytest.mark.parametrize(
    ("head", "filename", "sentence"),
    [
        (documents.archive({"a.txt": "x"}), "a.zip", "ZIP archive"),
        (documents.archive({"a.txt": "x"}), "a.docx", "ZIP archive"),
        (documents.encrypted_office(), "a.doc", "old Office format"),
        (b"{\\rtf1 text}", "a.rtf", "RTF"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "a.png", "cannot be parsed"),
        (b"\x7fELF\x02\x01\x01\0\0", "a", "cannot be parsed"),
        (b"text\0with nul", "a.txt", "cannot be parsed"),
    ],
)
def test_refuses_what_cannot_be_parsed_and_says_what_to_do(
    head: bytes, filename: str, sentence: str
):
    with pytest.raises(UnsupportedMediaType, match=sentence):
        detect_media_type(head, filename)


def test_refuses_an_empty_file():
    with pytest.raises(EmptyDocument):
        detect_media_type(b"", "a.txt")
