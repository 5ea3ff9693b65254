"""PPTX, XLSX and HTML into text, by kreuzberg."""

import html
import re
from collections.abc import Iterator
from pathlib import Path

import kreuzberg
from kreuzberg.exceptions import KreuzbergError

from contracts.artefacts import ParsedPage
from contracts.errors import EncryptedDocument, UnreadableDocument
from providers.parsing.archives import check_archive
from providers.parsing.plain import decode_html, describe_rows, read_bytes

_OPEN_XML = "application/vnd.openxmlformats-officedocument."
#: Private-use characters around a slide's number, so that no text of a slide looks like it.
_SLIDE_MARK = "\n\ue0f0{page_num}\ue0f1\n"
_SLIDE = re.compile("\ue0f0(\\d+)\ue0f1")


def read_pptx(path: Path) -> Iterator[ParsedPage]:
    """Yield a page for each slide."""
    check_archive(path, "ppt/presentation.xml")
    marks = kreuzberg.PageConfig(
        extract_pages=True, insert_page_markers=True, marker_format=_SLIDE_MARK
    )
    result = _extract(path.read_bytes(), f"{_OPEN_XML}presentationml.presentation", marks)
    _, *numbered = _SLIDE.split(result.content)
    for number, text in zip(numbered[::2], numbered[1::2], strict=True):
        yield ParsedPage(number=int(number), text=text.strip())


def read_xlsx(path: Path) -> Iterator[ParsedPage]:
    """Yield a page for each sheet: its name, then a line for each row."""
    check_archive(path, "xl/workbook.xml")
    result = _extract(path.read_bytes(), f"{_OPEN_XML}spreadsheetml.sheet")
    names = result.metadata.get("sheet_names") or []
    rows = {table.page_number: table.cells for table in result.tables}
    for number, name in enumerate(names, start=1):
        lines = describe_rows(rows.get(number, []))
        text = "\n".join(lines)
        yield ParsedPage(number=number, text=f"{html.unescape(name)}\n\n{text}" if text else "")


def read_html(path: Path) -> Iterator[ParsedPage]:
    """Yield one page, in Markdown."""
    text = decode_html(read_bytes(path))
    result = _extract(text.encode("utf-8", "replace"), "text/html")
    yield ParsedPage(number=1, text=result.content)


def _extract(
    data: bytes, media_type: str, pages: kreuzberg.PageConfig | None = None
) -> kreuzberg.ExtractionResult:
    config = kreuzberg.ExtractionConfig(
        use_cache=False,  # it would keep texts in the working directory
        enable_quality_processing=False,
        pages=pages,
        concurrency=kreuzberg.ConcurrencyConfig(max_threads=1),
    )
    try:
        return kreuzberg.extract_bytes_sync(data, media_type, config=config)
    except KreuzbergError as error:
        if "password" in str(error).lower():
            raise EncryptedDocument from error
        raise UnreadableDocument(
            "The file is damaged and cannot be read; upload an intact copy."
        ) from error
