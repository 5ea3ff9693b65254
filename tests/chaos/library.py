"""Generated documents, good and bad, and the chunks that a quiet run makes of the good ones."""

# ruff: noqa: S311 - seeded on purpose
import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from random import Random

from contracts.ids import ChunkId, DocumentId, TenantId, chunk_id, document_id
from contracts.text import join_pages
from providers.parsing.detection import HEAD_BYTES, detect_media_type
from providers.parsing.reading import read_pages
from tests.fixtures import documents
from workers.chunker.core import chunk_text, parse_strategy

_TEXT = """
    harbour lantern gravel meadow copper signal ladder winter orchard kettle marble thunder ribbon
    cellar falcon timber beacon saddle anchor pebble willow furnace compass barrel measures carries
    repairs follows counts opens turns keeps quickly slowly often seldom before after under over
    beside the a every no another
"""
_WORDS = _TEXT.split()
#: Sentences of a document: many small ones, some of several parts.
_SIZES = (2, 3, 8, 30, 120, 700)
_WEIGHTS = (30, 30, 20, 12, 6, 2)


@dataclass(frozen=True)
class Book:
    """A file to upload."""

    name: str
    content: bytes
    #: The code with which its job must fail; None for one that must be indexed.
    fails: str | None = None

    def identity(self, tenant: TenantId) -> DocumentId:
        """Return the id of the document that this file is."""
        return document_id(tenant, hashlib.sha256(self.content).digest())


@dataclass(frozen=True)
class Passage:
    """A row of the index, but for its vector."""

    chunk_id: ChunkId
    document_id: DocumentId
    version: int
    ordinal: int
    page_first: int
    page_last: int
    char_start: int
    char_end: int
    text: str


def books(seed: int, count: int) -> list[Book]:
    """Return ``count`` files; one in ten comes again, one in twelve is bad."""
    random = Random(f"books:{seed}")
    made: list[Book] = []
    for number in range(count):
        if number and number % 10 == 0:
            made.append(random.choice(made))
        elif number % 12 == 5:
            made.append(_bad(random, number))
        else:
            made.append(_good(random, number))
    return made


def passages(book: Book, tenant: TenantId, strategy: str) -> list[Passage]:
    """Return what indexing the first version of a good book must lead to."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "original"
        path.write_bytes(book.content)
        media_type = detect_media_type(book.content[:HEAD_BYTES], book.name).value
        pages = read_pages(str(path), media_type)
    text, starts = join_pages([page.text for page in pages])
    document = book.identity(tenant)
    return [
        Passage(
            chunk_id=chunk_id(document, 1, strategy, chunk.ordinal),
            document_id=document,
            version=1,
            ordinal=chunk.ordinal,
            page_first=chunk.page_first,
            page_last=chunk.page_last,
            char_start=chunk.char_start,
            char_end=chunk.char_end,
            text=chunk.text,
        )
        for chunk in chunk_text(text, starts, size=parse_strategy(strategy))
    ]


def question(random: Random) -> str:
    """Return something to ask."""
    return f"What does the {random.choice(_WORDS[:24])} do {random.choice(_WORDS[28:])}?"


def _good(random: Random, number: int) -> Book:
    [size] = random.choices(_SIZES, _WEIGHTS)
    sentences = [_sentence(random) for _ in range(size)]
    opening = f"This is file {number}."
    if number % 6 == 1:
        pages = ["\n".join([opening, *sentences[at : at + 30]]) for at in range(0, size, 30)]
        return Book(f"{number}.pdf", documents.pdf(pages))
    suffix = "md" if number % 4 == 0 else "txt"
    return Book(f"{number}.{suffix}", " ".join([opening, *sentences]).encode())


def _bad(random: Random, number: int) -> Book:
    text = f"Number {number}. {_sentence(random)}"
    kinds = (
        Book(f"{number}.pdf", documents.pdf([text], encrypted=True), "encrypted_document"),
        Book(f"{number}.pdf", documents.pdf([text])[: 300 + number % 50], "unreadable_document"),
        Book(f"{number}.txt", b" \n\t" * (number + 1), "empty_document"),
    )
    return random.choice(kinds)


def _sentence(random: Random) -> str:
    words = random.choices(_WORDS, k=random.randint(5, 14))
    return " ".join(words).capitalize() + "."
