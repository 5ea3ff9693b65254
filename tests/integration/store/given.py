"""What tests of the store begin with: a tenant, a file, an indexed document."""

import hashlib
import secrets
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from contracts import ids
from contracts.ids import DocumentId, TenantId
from store import Store, Transaction
from store.chunks import NewChunk
from store.documents import Accepted, NewDocument
from store.users import User
from tests.fixtures.database import DIMENSIONS

GENERATION = 1
MODEL = "test-8"


async def a_user(store: Store) -> User:
    """Register a user with a tenant of their own."""
    name = secrets.token_hex(8)
    async with store.system() as system:
        return await system.accounts.register(name, f"{name}@example.org", "hash")


async def a_tenant(store: Store) -> TenantId:
    return (await a_user(store)).tenant_id


def a_file(tenant: TenantId, content: bytes = b"some text", **changes: object) -> NewDocument:
    sha256 = hashlib.sha256(content).digest()
    document = ids.document_id(tenant, sha256)
    given: dict[str, object] = {
        "document_id": document,
        "sha256": sha256,
        "filename": "report.txt",
        "media_type": "text/plain",
        "size": len(content),
        "knowledge_base": "default",
        "metadata": {},
        "blob_key_for": lambda version: f"{document}/{version}",
    }
    return NewDocument(**(given | changes))  # type: ignore[arg-type]


async def accepted(store: Store, tenant: TenantId, content: bytes, **changes: object) -> Accepted:
    async with store.tenant(tenant) as tx:
        return await tx.documents.accept(a_file(tenant, content, **changes), trace_id=None)


def a_vector(seed: int, dimensions: int = DIMENSIONS) -> NDArray[np.float32]:
    """A unit vector that is always the same for a seed."""
    vector = np.random.default_rng(seed).standard_normal(dimensions).astype(np.float32)
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


def text_hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def a_chunk(
    document: DocumentId, version: int, ordinal: int, text: str, vector: NDArray[np.float32]
) -> NewChunk:
    return NewChunk(
        chunk_id=ids.chunk_id(document, version, "sentence_5", ordinal),
        ordinal=ordinal,
        page_first=1,
        page_last=1,
        char_start=100 * ordinal,
        char_end=100 * ordinal + len(text),
        text=text,
        text_hash=text_hash(text),
        vector=vector,
    )


async def index(
    tx: Transaction,
    document: Accepted,
    texts: Sequence[str],
    vectors: Sequence[NDArray[np.float32]] | None = None,
    generation: int = GENERATION,
) -> None:
    """Write a document's chunks as one part, with their embeddings, and end its job."""
    vectors = vectors or [a_vector(len(text)) for text in texts]
    which = (document.document_id, document.version)
    await tx.parts.expect(*which, generation, part_count=1, chunks_total=len(texts))
    await tx.embeddings.save(
        MODEL, {text_hash(text): vector for text, vector in zip(texts, vectors, strict=True)}
    )
    chunks = [
        a_chunk(*which, ordinal, text, vector)
        for ordinal, (text, vector) in enumerate(zip(texts, vectors, strict=True))
    ]
    await tx.chunks.insert(generation, *which, 0, chunks)
    await tx.parts.complete(*which, generation, chunks=len(texts), tokens=len(texts))
    await tx.chunks.remove_other_versions(generation, *which)
    await tx.jobs.finish(document.job_id)


async def indexed(
    store: Store,
    tenant: TenantId,
    content: bytes,
    texts: Sequence[str],
    vectors: Sequence[NDArray[np.float32]] | None = None,
    **changes: object,
) -> Accepted:
    """Accept a file and index it as chunks with these texts and vectors."""
    document = await accepted(store, tenant, content, **changes)
    async with store.tenant(tenant) as tx:
        await index(tx, document, texts, vectors)
    return document
