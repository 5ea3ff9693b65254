"""PDF into the text of its pages."""

import ctypes
import statistics
from collections.abc import Iterator
from itertools import accumulate, pairwise
from pathlib import Path

import pypdfium2
from pypdfium2 import raw

from contracts.artefacts import ParsedPage
from contracts.errors import DocumentTooLarge, EncryptedDocument, UnreadableDocument
from providers.parsing.limits import MAX_PAGES

#: Lines of one paragraph stand at about the page's usual distance, paragraphs further apart.
_PARAGRAPH_GAP = 1.25
_LINE_END = "\r\n"
#: What PDFium puts in place of a hyphen and the line break after it.
_LINE_END_HYPHEN = "\x02"


def read_pdf(path: Path) -> Iterator[ParsedPage]:
    """Yield the pages; each line is a line, paragraphs end with a blank one.

    A page that cannot be read has an ``error`` in place of text.
    """
    document = _open(path)
    try:
        if len(document) > MAX_PAGES:
            raise DocumentTooLarge(
                f"The PDF has {len(document)} pages and the limit is {MAX_PAGES}; "
                "split it and upload the parts."
            )
        for index in range(len(document)):
            yield _read_page(document, index)
    finally:
        document.close()


def _open(path: Path) -> pypdfium2.PdfDocument:
    try:
        return pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        if error.err_code in {raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY}:
            raise EncryptedDocument from error
        raise UnreadableDocument(
            "The PDF is damaged and cannot be opened; upload an intact copy."
        ) from error


def _read_page(document: pypdfium2.PdfDocument, index: int) -> ParsedPage:
    try:
        page = document[index]
        text_page = page.get_textpage()
    except pypdfium2.PdfiumError:
        return ParsedPage(number=index + 1, text="", error="This page of the PDF is damaged.")
    try:
        text = _with_paragraphs(text_page, text_page.get_text_bounded())
    finally:
        text_page.close()
        page.close()
    return ParsedPage(number=index + 1, text=text.replace(_LINE_END_HYPHEN, ""))


def _with_paragraphs(text_page: pypdfium2.PdfTextPage, text: str) -> str:
    """Put a blank line where the distance between two lines is larger than usual on the page."""
    lines = text.split(_LINE_END)
    heights = _baselines(text_page, lines)
    gaps = [bottom - top for (_, bottom), (top, _) in pairwise(heights)]
    downward = [gap for gap in gaps if gap > 0]
    if not downward:
        return "\n".join(lines)
    usual = statistics.median_low(downward) * _PARAGRAPH_GAP
    pieces = [lines[0]]
    for row, line in enumerate(lines[1:]):
        is_next_line = row >= len(gaps) or 0 < gaps[row] <= usual
        pieces.append("\n" if is_next_line else "\n\n")
        pieces.append(line)
    return "".join(pieces)


def _baselines(text_page: pypdfium2.PdfTextPage, lines: list[str]) -> list[tuple[float, float]]:
    """Return the heights of each line's first and last character; nothing when it cannot be told.

    They differ where PDFium joined two lines at a hyphen.
    """
    starts = [0, *accumulate(len(line) + len(_LINE_END) for line in lines)]
    # PDFium may leave characters out of the text; then its offsets are others than ours.
    if not all(lines) or raw.FPDFText_GetUnicode(text_page, starts[-2]) != ord(lines[-1][0]):
        return []
    heights: list[tuple[float, float]] = []
    across, up = ctypes.c_double(), ctypes.c_double()
    for start, line in zip(starts, lines, strict=False):
        raw.FPDFText_GetCharOrigin(text_page, start, across, up)
        top = up.value
        if _LINE_END_HYPHEN in line:
            raw.FPDFText_GetCharOrigin(text_page, start + len(line) - 1, across, up)
        heights.append((top, up.value))
    return heights
