"""What every parser must do; run over the local one and over LlamaParse."""

from collections.abc import Callable
from pathlib import Path

import pytest

from contracts.artefacts import ParsedDocument, decode_artefact, encode_artefact
from contracts.errors import (
    EmptyDocument,
    EncryptedDocument,
    UnreadableDocument,
)
from providers.parsing.detection import MediaType
from providers.parsing.protocol import DocumentParser, RemoteJob, SourceFile
from tests.fixtures import documents

pytestmark = pytest.mark.asyncio

Write = Callable[[str, bytes], SourceFile]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file as the parser's worker does: under a name that says nothing."""

    def _write(filename: str, data: bytes) -> SourceFile:
        path = tmp_path / "original"
        path.write_bytes(data)
        media_type = next(kind for suffix, kind in KINDS.items() if filename.endswith(suffix))
        return SourceFile(path=path, filename=filename, media_type=media_type, size=len(data))

    return _write


KINDS = {
    ".pdf": MediaType.PDF,
    ".docx": MediaType.DOCX,
    ".pptx": MediaType.PPTX,
    ".xlsx": MediaType.XLSX,
    ".html": MediaType.HTML,
    ".md": MediaType.MARKDOWN,
    ".csv": MediaType.CSV,
    ".txt": MediaType.TEXT,
}


async def read(parser: DocumentParser, source: SourceFile) -> ParsedDocument:
    async def remember(job: str) -> None:
        assert job

    parsed = await parser.parse(source, RemoteJob(known_id=None, remember=remember))
    assert decode_artefact(encode_artefact(parsed.document)) == parsed.document
    assert "\0" not in "".join(page.text for page in parsed.document.pages)
    return parsed.document


async def test_reads_every_page_of_a_pdf(parser: DocumentParser, write: Write):
    pages = [f"Page {number} speaks of the river Lune." for number in range(1, 8)]
    document = await read(parser, write("report.pdf", documents.pdf(pages)))
    assert [page.number for page in document.pages] == [1, 2, 3, 4, 5, 6, 7]
    assert all(wanted in page.text for wanted, page in zip(pages, document.pages, strict=True))


async def test_keeps_the_number_of_a_page_after_a_blank_one(parser: DocumentParser, write: Write):
    document = await read(parser, write("report.pdf", documents.pdf(["One.", "", "Three."])))
    assert {page.number: page.text.strip() for page in document.pages if page.text.strip()} == {
        1: "One.",
        3: "Three.",
    }


async def test_reads_a_word_document(parser: DocumentParser, write: Write):
    text = "R&D costs < 5 % of sales at Müller's café; 漢字 too."
    document = await read(parser, write("report.docx", documents.docx(["First.", text])))
    assert "First." in document.pages[0].text
    assert text in document.pages[0].text


async def test_reads_every_slide(parser: DocumentParser, write: Write):
    slides = ["The first slide & its text", "The second slide"]
    document = await read(parser, write("talk.pptx", documents.pptx(slides)))
    assert [page.number for page in document.pages] == [1, 2]
    assert all(wanted in page.text for wanted, page in zip(slides, document.pages, strict=True))


async def test_reads_every_sheet(parser: DocumentParser, write: Write):
    sheets = {
        "Prices": [["item", "price"], ["green tea", "3.50"], ["R&D", "7"]],
        "Stock": [["item", "boxes"], ["coffee", "12"]],
    }
    document = await read(parser, write("book.xlsx", documents.xlsx(sheets)))
    assert [page.number for page in document.pages] == [1, 2]
    for page, words in zip(document.pages, (["green tea", "3.50", "R&D"], ["12"]), strict=True):
        assert all(word in page.text for word in words)


async def test_reads_html_without_its_scripts(parser: DocumentParser, write: Write):
    data = (
        b"<!doctype html><html><head><title>t</title><style>p { color: red }</style>"
        b"<script>alert('no')</script></head><body><h1>Opening hours</h1>"
        b"<p>Open from nine to five &amp; on Sundays.</p></body></html>"
    )
    document = await read(parser, write("page.html", data))
    assert "Opening hours" in document.pages[0].text
    assert "Open from nine to five & on Sundays." in document.pages[0].text
    assert "alert" not in document.pages[0].text
    assert "color" not in document.pages[0].text


async def test_reads_markdown(parser: DocumentParser, write: Write):
    document = await read(parser, write("notes.md", b"# Title\n\nA *good* sentence.\n"))
    assert "Title" in document.pages[0].text
    assert "good" in document.pages[0].text


async def test_reads_csv(parser: DocumentParser, write: Write):
    data = b'name,city\r\n"Miller, Ann",Graz\r\nBob,Linz\r\n'
    document = await read(parser, write("people.csv", data))
    assert all(word in document.pages[0].text for word in ("Miller, Ann", "Graz", "Bob", "Linz"))


async def test_reads_plain_text(parser: DocumentParser, write: Write):
    document = await read(parser, write("a.txt", "Grüße, 漢字 and 🎉.".encode()))
    assert document.pages[0].text.strip() == "Grüße, 漢字 and 🎉."


async def test_says_who_parsed(parser: DocumentParser, write: Write):
    document = await read(parser, write("a.txt", b"text"))
    assert document.parser == parser.name


async def test_parses_the_same_file_to_the_same_artefact(parser: DocumentParser, write: Write):
    source = write("report.pdf", documents.pdf(["One.", "Two."]))
    first = encode_artefact(await read(parser, source))
    assert encode_artefact(await read(parser, source)) == first


@pytest.mark.parametrize(
    ("filename", "data", "error"),
    [
        ("a.pdf", documents.pdf(["secret"], encrypted=True), EncryptedDocument),
        ("a.pdf", b"%PDF-1.4\n" + b"damaged " * 100, UnreadableDocument),
        ("a.pdf", documents.pdf(["cut"] * 9)[:2000], UnreadableDocument),
        ("a.pdf", documents.scanned_pdf(), EmptyDocument),
        ("a.docx", documents.encrypted_office(), EncryptedDocument),
        ("a.docx", documents.docx(["text"])[:300], UnreadableDocument),
        ("a.docx", documents.docx([]), EmptyDocument),
        ("a.xlsx", documents.xlsx({"Empty": []}), EmptyDocument),
        ("a.xlsx", documents.docx(["no workbook"]), UnreadableDocument),
        ("a.txt", b" \n\n\t ", EmptyDocument),
        ("a.html", b"<html><body></body></html>", EmptyDocument),
    ],
)
async def test_refuses_what_has_no_text_to_give(
    parser: DocumentParser, write: Write, filename: str, data: bytes, error: type[Exception]
):
    with pytest.raises(error) as caught:
        await read(parser, write(filename, data))
    assert type(caught.value) is error
