"""What kind of file it is, by what is in it; a name or a client that says otherwise is refused."""

import re
from enum import StrEnum
from pathlib import PurePath

from contracts.errors import EmptyDocument, UnsupportedMediaType
from providers.parsing.archives import OLE_SIGNATURE

#: How much of a file's beginning tells its kind.
HEAD_BYTES = 64 * 1024

_OPEN_XML = "application/vnd.openxmlformats-officedocument"


class MediaType(StrEnum):
    """Every kind of file that is parsed."""

    PDF = "application/pdf"
    DOCX = f"{_OPEN_XML}.wordprocessingml.document"
    PPTX = f"{_OPEN_XML}.presentationml.presentation"
    XLSX = f"{_OPEN_XML}.spreadsheetml.sheet"
    HTML = "text/html"
    MARKDOWN = "text/markdown"
    CSV = "text/csv"
    TEXT = "text/plain"


#: The first suffix of a kind is the usual one.
BY_SUFFIX = {
    ".pdf": MediaType.PDF,
    ".docx": MediaType.DOCX,
    ".pptx": MediaType.PPTX,
    ".xlsx": MediaType.XLSX,
    ".html": MediaType.HTML,
    ".htm": MediaType.HTML,
    ".xhtml": MediaType.HTML,
    ".md": MediaType.MARKDOWN,
    ".markdown": MediaType.MARKDOWN,
    ".csv": MediaType.CSV,
    ".txt": MediaType.TEXT,
}
#: The endings of names, with their dot, that say that a file can be parsed.
SUFFIXES = frozenset(BY_SUFFIX)
_OFFICE = {b"word/": MediaType.DOCX, b"ppt/": MediaType.PPTX, b"xl/": MediaType.XLSX}
_TEXTS = frozenset({MediaType.HTML, MediaType.MARKDOWN, MediaType.CSV, MediaType.TEXT})
#: What clients say who do not know better.
_VAGUE = frozenset(
    {"", "application/octet-stream", "binary/octet-stream", "application/x-download"}
    | {"application/force-download", "application/unknown", "multipart/form-data"}
)
_ZIPS = frozenset({"application/zip", "application/x-zip-compressed"})
#: What browsers say of texts; Windows takes a CSV for a workbook.
_TEXT_APPLICATIONS = frozenset(
    {"application/csv", "application/vnd.ms-excel", "application/json", "application/xml"}
    | {"application/xhtml+xml", "application/x-yaml", "application/yaml", "application/markdown"}
)

_PDF_WITHIN = 1024
_ZIP_ENTRY = re.compile(rb"PK\x03\x04.{22}(..)..", re.DOTALL)
_HTML = re.compile(rb"<(!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_HTML_WITHIN = 1024
_UNICODE_MARKS = (b"\xff\xfe", b"\xfe\xff")
_NEVER_IN_TEXT = bytes(set(range(32)) - set(b"\t\n\x0b\x0c\r\x1a\x1b"))


def detect_media_type(head: bytes, filename: str, declared: str | None = None) -> MediaType:
    """Return what kind of file begins with ``head``, its first ``HEAD_BYTES`` (or all of it).

    ``declared`` is the media type that a client named; parameters in it are ignored. Raises
    ``EmptyDocument`` for an empty file and ``UnsupportedMediaType`` for a kind that is not parsed
    or one that the name or the client contradicts. That an archive is whole is found by parsing.
    """
    if not head:
        raise EmptyDocument("The file is empty; upload one that has text.")
    named = BY_SUFFIX.get(PurePath(filename).suffix.lower())
    found = _by_signature(head, named)
    if found is None:
        found = _kind_of_text(head, named, declared)
    _check_claims(found, named, filename, declared)
    return found


def _by_signature(head: bytes, named: MediaType | None) -> MediaType | None:
    if b"%PDF-" in head[:_PDF_WITHIN]:
        return MediaType.PDF
    if head.startswith(b"PK\x03\x04"):
        return _kind_of_archive(head, named)
    if head.startswith(OLE_SIGNATURE):
        # Either the old Office formats or an encrypted file of the new; parsing tells which.
        if named is not None and named in _OFFICE.values():
            return named
        raise UnsupportedMediaType(
            "The file is in an old Office format; save it as DOCX, XLSX or PPTX and upload that."
        )
    return None


def _kind_of_archive(head: bytes, named: MediaType | None) -> MediaType:
    for entry in _ZIP_ENTRY.finditer(head):
        length = int.from_bytes(entry.group(1), "little")
        name = head[entry.end() : entry.end() + length]
        for folder, kind in _OFFICE.items():
            if name.startswith(folder):
                return kind
    # The telling entry may come after a large first one.
    if named is not None and named in _OFFICE.values() and b"[Content_Types].xml" in head:
        return named
    raise UnsupportedMediaType("The file is a ZIP archive; unpack it and upload what is in it.")


def _kind_of_text(head: bytes, named: MediaType | None, declared: str | None) -> MediaType:
    if not _is_text(head):
        raise UnsupportedMediaType
    if head.startswith(b"{\\rtf"):
        raise UnsupportedMediaType("The file is RTF; save it as DOCX or PDF and upload that.")
    if named is not None and named in _TEXTS:
        return named
    claimed = _essence(declared)
    if claimed in _TEXTS and named is None:
        return MediaType(claimed)
    return MediaType.HTML if _HTML.search(head, 0, _HTML_WITHIN) else MediaType.TEXT


def _is_text(head: bytes) -> bool:
    if head.startswith(_UNICODE_MARKS):
        return True
    return head.translate(None, _NEVER_IN_TEXT) == head


def _check_claims(
    found: MediaType, named: MediaType | None, filename: str, declared: str | None
) -> None:
    if named is not None and named is not found:
        raise UnsupportedMediaType(
            f"{PurePath(filename).name!r} is named like {named.name}, but its content is "
            f"{found.name}; name it by its content and upload it again."
        )
    claimed = _essence(declared)
    if claimed in _VAGUE or claimed == found:
        return
    if found in _TEXTS:
        fits = claimed.startswith("text/") or claimed in _TEXT_APPLICATIONS
    else:
        fits = claimed in _ZIPS and found in _OFFICE.values()
    if not fits:
        raise UnsupportedMediaType(
            f"The upload says that it is {claimed}, but its content is {found.name}; correct its "
            "media type and upload it again."
        )


def _essence(declared: str | None) -> str:
    return (declared or "").partition(";")[0].strip().lower()
