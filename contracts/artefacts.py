"""The parsed document as it is stored between the parser and the chunker (claim check)."""

import msgspec


class ParsedPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page; ``error`` says why a page has no text where the parser could not read it."""

    #: Counts from 1.
    number: int
    text: str
    error: str | None = None


class ParsedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The text of a document; character offsets are those of ``contracts.text.join_pages``."""

    pages: tuple[ParsedPage, ...]
    #: Which parser read it, with its version.
    parser: str


def encode_artefact(document: ParsedDocument) -> bytes:
    """Return the artefact as UTF-8 JSON; equal documents give equal bytes."""
    return msgspec.json.encode(document)


def decode_artefact(data: bytes) -> ParsedDocument:
    """Return the document in ``data``; ``msgspec.DecodeError`` when it is none."""
    return msgspec.json.decode(data, type=ParsedDocument)
