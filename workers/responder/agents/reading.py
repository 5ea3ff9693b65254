"""Whole documents, chunk by chunk."""

from collections.abc import Sequence
from dataclasses import dataclass

from contracts.errors import DocumentNotReady, Misconfigured
from contracts.ids import DocumentId, TenantId
from store import Store, Transaction
from store.chunks import StoredChunk
from store.documents import Document

#: Chunks that are read from the database at once.
_PAGE = 1_000


@dataclass(frozen=True, kw_only=True)
class DocumentChunk:
    """A chunk with what a citation of it needs."""

    document_id: DocumentId
    version: int
    filename: str
    page_first: int
    page_last: int
    char_start: int
    char_end: int
    text: str
    similarity: None = None


@dataclass(frozen=True, kw_only=True)
class WholeDocuments:
    """All chunks of some documents, in order."""

    chunks: tuple[DocumentChunk, ...]
    generation_id: int


async def read_documents(
    store: Store, tenant_id: TenantId, document_ids: Sequence[DocumentId]
) -> WholeDocuments:
    """Return all chunks of the documents, in their order; each document counts once.

    Raises ``DocumentNotReady`` for one that is not indexed, or not any more.
    """
    chunks: list[DocumentChunk] = []
    async with store.tenant(tenant_id) as tx:
        generation = await tx.generations.active()
        if generation is None:
            raise Misconfigured("No generation is active; run `ragline migrate`.")
        for document_id in dict.fromkeys(document_ids):
            chunks += await _chunks_of(tx, generation.generation_id, document_id)
    return WholeDocuments(chunks=tuple(chunks), generation_id=generation.generation_id)


async def _chunks_of(
    tx: Transaction, generation: int, document_id: DocumentId
) -> list[DocumentChunk]:
    document = await tx.documents.get(document_id)
    if document is None:
        raise DocumentNotReady(f"There is no document {document_id} any more.")
    found: list[StoredChunk] = []
    while True:
        after = found[-1].ordinal if found else None
        page = await tx.chunks.of_document(generation, document_id, limit=_PAGE, after=after)
        found += page
        if len(page) < _PAGE:
            break
    if not found:
        raise DocumentNotReady(
            f"{document.filename} is not indexed; ask again when its job has ended well."
        )
    return [_chunk(document, one) for one in found]


def _chunk(document: Document, chunk: StoredChunk) -> DocumentChunk:
    return DocumentChunk(
        document_id=document.document_id,
        version=document.version,
        filename=document.filename,
        page_first=chunk.page_first,
        page_last=chunk.page_last,
        char_start=chunk.char_start,
        char_end=chunk.char_end,
        text=chunk.text,
    )
