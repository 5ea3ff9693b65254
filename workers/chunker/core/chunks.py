"""What the chunker reads and what it makes."""

import msgspec


class PageText(msgspec.Struct, frozen=True, gc=False):
    """The text of one page; pages count from 1."""

    page: int
    text: str


class Chunk(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A stretch of the parsed text: ``parsed_text[char_start:char_end] == text``.

    Chunks of a document are numbered from 0 in reading order and never overlap.
    """

    ordinal: int
    #: The pages on which it starts and ends, counted from 1.
    page_first: int
    page_last: int
    #: Offsets in code points of the parsed text; the end is exclusive.
    char_start: int
    char_end: int
    text: str
