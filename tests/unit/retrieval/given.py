"""Chunks of made-up documents."""

import uuid

from contracts.ids import ChunkId, DocumentId
from store.chunks import Place, StoredChunk
from store.nearest import Found

#: Every chunk has so many characters, and so many blanks behind it.
LENGTH, GAP = 20, 2


def document_id(document: int) -> DocumentId:
    return DocumentId(uuid.UUID(int=document))


def place(ordinal: int, document: int = 1, version: int = 1) -> Place:
    return Place(document_id(document), version, ordinal)


def found(
    ordinal: int, document: int = 1, *, text: str | None = None, similarity: float = 0.5
) -> Found:
    text = text or f"{document}.{ordinal} ".ljust(LENGTH, "x")
    return Found(
        chunk_id=ChunkId(uuid.UUID(int=1000 * document + ordinal)),
        ordinal=ordinal,
        page_first=ordinal + 1,
        page_last=ordinal + 1,
        char_start=ordinal * (LENGTH + GAP),
        char_end=ordinal * (LENGTH + GAP) + len(text),
        text=text,
        document_id=document_id(document),
        version=1,
        filename=f"{document}.txt",
        similarity=similarity,
    )


def stored(ordinal: int, document: int = 1) -> StoredChunk:
    one = found(ordinal, document)
    return StoredChunk(
        chunk_id=one.chunk_id,
        ordinal=ordinal,
        page_first=one.page_first,
        page_last=one.page_last,
        char_start=one.char_start,
        char_end=one.char_end,
        text=one.text,
    )


def neighbours(*ordinals: int, document: int = 1) -> dict[Place, StoredChunk]:
    return {place(ordinal, document): stored(ordinal, document) for ordinal in ordinals}
