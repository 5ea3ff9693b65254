"""What runs in a process of its own: one file into pages that may be stored."""

from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from pathlib import Path

from contracts.artefacts import ParsedPage
from contracts.errors import (
    DocumentTooLarge,
    EmptyDocument,
    UnreadableDocument,
    UnsupportedMediaType,
)
from providers.parsing.detection import MediaType
from providers.parsing.limits import MAX_CHARACTERS, MAX_PAGES
from providers.parsing.storable import make_storable

#: By name: a process loads the native libraries of those kinds alone that it was given.
_READERS = {
    MediaType.PDF: ("providers.parsing.pdf", "read_pdf"),
    MediaType.DOCX: ("providers.parsing.word", "read_docx"),
    MediaType.PPTX: ("providers.parsing.office", "read_pptx"),
    MediaType.XLSX: ("providers.parsing.office", "read_xlsx"),
    MediaType.HTML: ("providers.parsing.office", "read_html"),
    MediaType.MARKDOWN: ("providers.parsing.plain", "read_plain"),
    MediaType.TEXT: ("providers.parsing.plain", "read_plain"),
    MediaType.CSV: ("providers.parsing.plain", "read_csv"),
}


def read_pages(path: str, media_type: str) -> tuple[ParsedPage, ...]:
    """Return the pages of the file, numbered from 1.

    Raises ``UnreadableDocument``, ``EncryptedDocument``, ``EmptyDocument``, ``DocumentTooLarge``
    or ``UnsupportedMediaType``.
    """
    return gather(_reader(media_type)(Path(path)))


def gather(pages: Iterable[ParsedPage]) -> tuple[ParsedPage, ...]:
    """Return the pages with text that may be stored; refuse too many of them, and none with text.

    Raises ``DocumentTooLarge``, ``EmptyDocument``, or ``UnreadableDocument`` when no page could be
    read.
    """
    gathered: list[ParsedPage] = []
    characters = 0
    for page in pages:
        characters += len(page.text)
        if characters > MAX_CHARACTERS or len(gathered) == MAX_PAGES:
            raise DocumentTooLarge(
                f"The file has more than {MAX_CHARACTERS} characters or {MAX_PAGES} pages; "
                "split it and upload the parts."
            )
        text = make_storable(page.text)
        gathered.append(ParsedPage(number=page.number, text=text, error=page.error))
    _check_has_text(gathered)
    return tuple(gathered)


def _check_has_text(pages: list[ParsedPage]) -> None:
    if any(page.text.strip() for page in pages):
        return
    if any(page.error for page in pages):
        raise UnreadableDocument("No page of the file can be read; upload an intact copy.")
    raise EmptyDocument


def _reader(media_type: str) -> Callable[[Path], Iterator[ParsedPage]]:
    if media_type not in _READERS:
        raise UnsupportedMediaType(
            f"Files of type {media_type} cannot be parsed; upload PDF, Office, HTML, Markdown, "
            "CSV or text."
        )
    module, function = _READERS[MediaType(media_type)]
    reader: Callable[[Path], Iterator[ParsedPage]] = getattr(import_module(module), function)
    return reader
