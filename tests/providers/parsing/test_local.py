"""What only the local parser promises: limits, and the text of each kind in detail."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from contracts.artefacts import ParsedPage
from contracts.errors import (
    DocumentTooLarge,
    ParsingTimedOut,
    UnreadableDocument,
    UnsupportedMediaType,
)
from providers.parsing.detection import MediaType
from providers.parsing.local import LocalParser
from providers.parsing.protocol import RemoteJob, SourceFile
from tests.fixtures import documents

pytestmark = pytest.mark.asyncio

MIB = 1024 * 1024


@pytest_asyncio.fixture
async def local() -> AsyncIterator[LocalParser]:
    async with LocalParser(processes=1, memory_bytes=256 * MIB, timeout=60) as parser:
        yield parser


async def read(
    parser: LocalParser, folder: Path, data: bytes, media_type: str
) -> tuple[ParsedPage, ...]:
    async def forget(_: str) -> None:
        raise AssertionError("a local parser has no job to remember")

    path = folder / "original"
    path.write_bytes(data)
    source = SourceFile(path=path, filename="name", media_type=media_type, size=len(data))
    parsed = await parser.parse(source, RemoteJob(known_id=None, remember=forget))
    return parsed.document.pages


def bomb(entries: dict[str, str], name: str, size: int) -> bytes:
    """Return an archive of the entries in which ``name`` has ``size`` blanks more."""
    return documents.archive({**entries, name: entries[name] + " " * size})


DOCX_ENTRIES = documents.docx_entries("<w:p><w:r><w:t>text</w:t></w:r></w:p>")
XLSX_ENTRIES = documents.xlsx_entries({"Sheet": "<row><c><v>1</v></c></row>"})


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (bomb(DOCX_ENTRIES, "word/document.xml", 64 * MIB), MediaType.DOCX),
        (bomb(XLSX_ENTRIES, "xl/worksheets/sheet1.xml", 64 * MIB), MediaType.XLSX),
        (
            documents.with_declared_size(
                bomb(DOCX_ENTRIES, "word/document.xml", 64 * MIB), size=1000
            ),
            MediaType.DOCX,
        ),
        (
            documents.archive({**DOCX_ENTRIES, **{f"x/{n}": "" for n in range(10_001)}}),
            MediaType.DOCX,
        ),
    ],
    ids=["docx", "xlsx", "lying docx", "entries"],
)
async def test_refuses_a_zip_bomb(local: LocalParser, tmp_path: Path, data: bytes, media_type: str):
    assert len(data) < 2 * MIB
    with pytest.raises(DocumentTooLarge):
        await read(local, tmp_path, data, media_type)


async def test_refuses_xml_that_expands(local: LocalParser, tmp_path: Path):
    laughs = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    entries = dict(DOCX_ENTRIES)
    entries["word/document.xml"] = entries["word/document.xml"].replace(
        "<w:document", f"{laughs}<w:document", 1
    )
    with pytest.raises(UnreadableDocument):
        await read(local, tmp_path, documents.archive(entries), MediaType.DOCX)


async def test_refuses_what_takes_too_much_memory_and_goes_on(local: LocalParser, tmp_path: Path):
    with pytest.raises(DocumentTooLarge, match="256 MiB of memory"):
        await read(local, tmp_path, "🎉".encode() * 25 * MIB, MediaType.TEXT)
    assert [page.text for page in await read(local, tmp_path, b"next", MediaType.TEXT)] == ["next"]


async def test_refuses_what_takes_too_long_and_goes_on(tmp_path: Path):
    async with LocalParser(processes=1, memory_bytes=256 * MIB, timeout=1) as impatient:
        await read(impatient, tmp_path, b"warm", MediaType.TEXT)
        slow = b"a,b,c\n" + b"1,2,3\n" * 1_000_000
        with pytest.raises(ParsingTimedOut, match="1 seconds"):
            await read(impatient, tmp_path, slow, MediaType.CSV)
        assert await read(impatient, tmp_path, b"next", MediaType.TEXT)


async def test_a_sheet_with_two_cells_far_apart_is_harmless(local: LocalParser, tmp_path: Path):
    corners = (
        '<row r="1"><c r="A1"><v>1</v></c></row>'
        '<row r="1048576"><c r="XFD1048576"><v>2</v></c></row>'
    )
    data = documents.archive(documents.xlsx_entries({"Sheet": corners}))
    (page,) = await read(local, tmp_path, data, MediaType.XLSX)
    assert page.text == "Sheet\n\n1\n2"


async def test_refuses_a_pdf_that_names_its_page_too_often(local: LocalParser, tmp_path: Path):
    with pytest.raises(DocumentTooLarge, match="1000000 pages"):
        await read(local, tmp_path, documents.pdf_with_repeated_page(1_000_000), MediaType.PDF)


async def test_refuses_a_text_over_the_limit(local: LocalParser, tmp_path: Path):
    path = tmp_path / "original"
    with path.open("wb") as file:
        file.truncate(129 * MIB)
    source = SourceFile(path=path, filename="a.txt", media_type=MediaType.TEXT, size=129 * MIB)

    async def forget(_: str) -> None: ...

    with pytest.raises(DocumentTooLarge):
        await local.parse(source, RemoteJob(known_id=None, remember=forget))


async def test_refuses_an_unknown_kind(local: LocalParser, tmp_path: Path):
    with pytest.raises(UnsupportedMediaType, match="image/png"):
        await read(local, tmp_path, b"x", "image/png")


async def test_a_local_parser_says_that_it_is_one(local: LocalParser):
    assert local.is_local_twin
    assert local.name.startswith("local pypdfium2/5.")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Grüße aus Köln, schöne Straße, süße Äpfel und größere Öfen.", "latin-1"),
        ("Мы говорили, что это важно, и они согласились.", "windows-1251"),
        ("これは日本語の文章です。とても長い文章になります。", "shift_jis"),
        ("mark of the byte order: ä", "utf-8-sig"),
        ("two bytes each: ä", "utf-16"),
    ],
)
async def test_decodes_old_encodings(local: LocalParser, tmp_path: Path, text: str, encoding: str):
    (page,) = await read(local, tmp_path, text.encode(encoding), MediaType.TEXT)
    assert page.text == text


async def test_decodes_html_as_it_declares(local: LocalParser, tmp_path: Path):
    data = '<html><meta charset="iso-8859-2"><p>Zażółć gęślą jaźń.</p>'.encode("iso-8859-2")
    (page,) = await read(local, tmp_path, data, MediaType.HTML)
    assert "Zażółć gęślą jaźń." in page.text


async def test_removes_what_cannot_be_stored(local: LocalParser, tmp_path: Path):
    data = b"one\0two\x07\r\nthree \x0cfour\n\n\n\nfive"
    (page,) = await read(local, tmp_path, data, MediaType.MARKDOWN)
    assert page.text == "onetwo\nthree\nfour\n\nfive"


async def test_names_the_column_of_each_cell(local: LocalParser, tmp_path: Path):
    data = b'name;city\n"Ann\nMiller";Graz\n\nBob;;extra\n'
    (page,) = await read(local, tmp_path, data, MediaType.CSV)
    assert page.text == "name: Ann Miller; city: Graz\nname: Bob; extra"


async def test_names_the_column_of_each_cell_of_a_sheet(local: LocalParser, tmp_path: Path):
    data = documents.xlsx({"R & D": [["item", "price"], ["tea", "3"]], "Empty": []})
    pages = await read(local, tmp_path, data, MediaType.XLSX)
    assert pages[0].text == "R & D\n\nitem: tea; price: 3"
    assert "".join(page.text for page in pages[1:]) == ""


async def test_keeps_paragraphs_of_a_pdf_apart_and_joins_words(local: LocalParser, tmp_path: Path):
    text = "A heading\n\n\nThe first para-\ngraph has two\nlines.\n\nThe second one\nhas two."
    (page,) = await read(local, tmp_path, documents.pdf([text]), MediaType.PDF)
    assert page.text == (
        "A heading\n\nThe first paragraph has two\nlines.\n\nThe second one\nhas two."
    )


async def test_reads_all_text_of_a_word_document(local: LocalParser, tmp_path: Path):
    def paragraph(content: str) -> str:
        return f"<w:p><w:r>{content}</w:r></w:p>"

    def text(words: str) -> str:
        return f'<w:t xml:space="preserve">{words}</w:t>'

    cells = "".join(f"<w:tc>{paragraph(text(cell))}</w:tc>" for cell in ("A1", "B1"))
    body = (
        paragraph(text("one") + "<w:tab/>" + text("two") + "<w:br/>" + text("three"))
        + f"<w:sdt><w:sdtContent>{paragraph(text('controlled'))}</w:sdtContent></w:sdt>"
        + f"<w:tbl><w:tr>{cells}</w:tr><w:tr>{cells}</w:tr></w:tbl>"
        + paragraph("<w:delText>deleted</w:delText>" + text("kept "))
        + paragraph('<w:br w:type="page"/>' + text("second page"))
        + paragraph(text("goes ") + "<w:lastRenderedPageBreak/>" + text("on"))
        + paragraph(text("third page"))
    )
    data = documents.archive(documents.docx_entries(body))
    pages = await read(local, tmp_path, data, MediaType.DOCX)
    assert [page.text for page in pages] == [
        "one\ttwo\nthree\n\ncontrolled\n\nA1 | B1\nA1 | B1\n\nkept",
        "second page\n\ngoes on",
        "third page",
    ]
