"""DOCX into the text of its pages, as far as the file says where pages end.

Read here and not by a library: of those at hand one leaves out every ``&`` and ``<`` of a text,
the other everything inside content controls.
"""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from contracts.artefacts import ParsedPage
from contracts.errors import UnreadableDocument
from providers.parsing.archives import check_archive

MAIN_PART = "word/document.xml"

_NOTES = ("word/footnotes.xml", "word/endnotes.xml")
_BREAKS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "\u2011"}


def read_docx(path: Path) -> Iterator[ParsedPage]:
    """Yield the pages: paragraphs apart by a blank line, cells of a row by a bar.

    A page ends where the author broke it or where Word last did. Notes follow on the last page.
    """
    check_archive(path, MAIN_PART)
    text = _Text()
    with zipfile.ZipFile(path) as archive:
        for part in (MAIN_PART, *_NOTES):
            if part in archive.namelist():
                with archive.open(part) as stream:
                    _read_part(stream, text)
    for number, page in enumerate(text.pages, start=1):
        yield ParsedPage(number=number, text="".join(page))


class _Text:
    """Gathers text while the elements around it end."""

    def __init__(self) -> None:
        self.pages: list[list[str]] = [[]]
        self._paragraph: list[str] = []
        self._cell: list[str] = []
        self._row: list[str] = []
        self._tables = 0
        self._turns_page = False

    def start(self, name: str) -> None:
        """Take note of an element that begins."""
        if name == "tbl":
            self._tables += 1

    def end(self, name: str, element: Element) -> None:
        """Take the text of an element that ended."""
        match name:
            case "t":
                self._paragraph.append(element.text or "")
            case "br" if _attribute(element, "type") == "page":
                self._end_paragraph()
                self._turn_page()
            case "lastRenderedPageBreak":
                self._turn_page()
            case "p":
                self._end_paragraph()
            case "tc" | "tr" | "tbl":
                self._end_of_table(name)
            case _:
                self._paragraph.append(_BREAKS.get(name, ""))

    def _turn_page(self) -> None:
        """Begin a page, but neither inside a paragraph nor inside a row."""
        if any(self._paragraph) or self._tables:
            self._turns_page = True
        elif self.pages[-1]:
            self.pages.append([])

    def _end_paragraph(self) -> None:
        paragraph = "".join(self._paragraph).strip()
        self._paragraph.clear()
        if self._tables:
            self._cell.append(paragraph)
        elif paragraph:
            self._write(f"{paragraph}\n\n")

    def _end_of_table(self, name: str) -> None:
        if name == "tc":
            self._row.append(" ".join(" ".join(self._cell).split()))
            self._cell.clear()
        elif name == "tbl":
            self._tables -= 1
            self._write("" if self._tables else "\n")
        elif self._tables == 1:
            self._write(" | ".join(filter(None, self._row)) + "\n")
            self._row.clear()

    def _write(self, text: str) -> None:
        self.pages[-1].append(text)
        if self._turns_page:
            self._turns_page = False
            self.pages.append([])


def _read_part(stream: IO[bytes], text: _Text) -> None:
    # Of alternatives (a drawing and its fallback for old programs) only the first is read.
    skipping = 0
    try:
        for event, element in iterparse(stream, ("start", "end")):
            name = element.tag.rpartition("}")[2]
            if name == "Fallback":
                skipping += 1 if event == "start" else -1
            elif skipping:
                continue
            elif event == "start":
                text.start(name)
            else:
                text.end(name, element)
                element.clear()
    except (ParseError, DefusedXmlException) as error:
        raise UnreadableDocument(
            "The document's text is damaged and cannot be read; upload an intact copy."
        ) from error


def _attribute(element: Element, name: str) -> str | None:
    """Return an attribute by its bare name: strict and transitional files use two namespaces."""
    found = (value for key, value in element.items() if key.rpartition("}")[2] == name)
    return next(found, None)
