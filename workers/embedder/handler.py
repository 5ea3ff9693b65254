"""The story of one part: reuse what is known, embed the rest, write rows and vectors at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import structlog
from numpy.typing import NDArray

from contracts.documents import DocumentChunked
from contracts.envelope import Outgoing, pack, unpack
from contracts.statuses import status_changed
from retrieval.models import EmbeddingModels
from runtime import metrics
from runtime.clock import Clock
from store import Store, Transaction
from store.chunks import NewChunk
from store.generations import Generation
from store.ledger import LedgerKey
from workers.embedder.core import text_hash, without_vector

log = structlog.get_logger(__name__)

Vectors = Mapping[bytes, NDArray[np.float32]]


class AlreadyDone(Exception):
    """Another delivery of the same part has committed; this transaction must not."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What is known of a part before anything is embedded."""

    generation: Generation
    #: Vectors of texts that were embedded before.
    known: Vectors


async def handle(
    event: DocumentChunked, *, store: Store, models: EmbeddingModels, clock: Clock
) -> Sequence[Outgoing]:
    """Index the part once; return ``DocumentStatusChanged`` with the document's last part."""
    async with store.tenant(event.tenant_id) as tx:
        if (done := await tx.ledger.find(_key(event))) is not None:
            metrics.DUPLICATES.labels("embedder").inc()
            if following := unpack(done):  # it was the last part, of a job that was opened again
                await tx.jobs.finish(event.job_id)
            return following
        prepared = await _prepare(tx, event)
    if prepared is None:
        metrics.OBSOLETE.labels("embedder").inc()
        return ()
    fresh, tokens = await _embed(event, prepared, models)
    try:
        async with store.tenant(event.tenant_id) as tx:
            return await _save(tx, event, prepared, fresh, tokens=tokens, clock=clock)
    except AlreadyDone:
        metrics.DUPLICATES.labels("embedder").inc()
        async with store.tenant(event.tenant_id) as tx:
            return unpack(await tx.ledger.find(_key(event)) or b"[]")


async def _prepare(tx: Transaction, event: DocumentChunked) -> Prepared | None:
    """Return what is known; None when the document or its generation is gone."""
    generation = await tx.generations.get(event.generation)
    if generation is None or generation.state == "dropped":
        return None
    if not await tx.documents.is_current(event.document_id, event.version):
        return None
    hashes = [text_hash(chunk.text) for chunk in event.chunks]
    known = await tx.embeddings.find(generation.embedding_model, hashes)
    metrics.EMBEDDINGS_REUSED.inc(len(known))
    return Prepared(generation=generation, known=known)


async def _embed(
    event: DocumentChunked, prepared: Prepared, models: EmbeddingModels
) -> tuple[Vectors, int]:
    """Return the vectors of the texts that had none, and the tokens that they cost."""
    texts = without_vector(event.chunks, prepared.known)
    if not texts:
        return {}, 0
    model = await models.get(prepared.generation.embedding_model)
    embedded = await model.embed(list(texts.values()))
    return dict(zip(texts, embedded.vectors, strict=True)), embedded.tokens


async def _save(
    tx: Transaction,
    event: DocumentChunked,
    prepared: Prepared,
    fresh: Vectors,
    *,
    tokens: int,
    clock: Clock,
) -> Sequence[Outgoing]:
    """Write rows, vectors, progress and ledger in one transaction."""
    number = prepared.generation.generation_id
    await tx.usage.embedded(event.document_id, *_work(event), tokens=tokens)
    if not await tx.documents.lock_current(event.document_id, event.version):
        metrics.OBSOLETE.labels("embedder").inc()
        return ()
    if not await tx.generations.lock(number):
        metrics.OBSOLETE.labels("embedder").inc()
        return ()
    vectors = {**prepared.known, **fresh}
    await tx.embeddings.save(prepared.generation.embedding_model, fresh)
    if event.replay_id:  # what is written may be what is to be put right
        await tx.rebuilding.remove_part(number, event.document_id, event.version, event.part)
    await tx.chunks.insert(
        number, event.document_id, event.version, event.part, _rows(event, vectors)
    )
    following: Sequence[Outgoing] = ()
    if await _is_new(tx, event):
        progress = await tx.parts.complete(
            event.document_id, event.version, number, chunks=len(event.chunks), tokens=tokens
        )
        active = await tx.generations.active()
        if active is not None and active.generation_id == number:
            await tx.jobs.advance(
                event.job_id, "embed", done=progress.chunks_done, total=progress.chunks_total
            )
        if progress.is_last:
            following = await _finish(tx, event, number, clock)
    if not await tx.ledger.record(_key(event), pack(following)):
        raise AlreadyDone
    metrics.CHUNKS_INDEXED.inc(len(event.chunks))
    return following


async def _is_new(tx: Transaction, event: DocumentChunked) -> bool:
    """Say whether the part is to be counted: one that comes again in a replay was."""
    await tx.parts.lock(event.document_id, event.version, event.generation)
    return not await tx.ledger.is_done(_key(event))


async def _finish(
    tx: Transaction, event: DocumentChunked, generation: int, clock: Clock
) -> Sequence[Outgoing]:
    """End the job, if this is all that it waits for; the chunks of earlier versions make room."""
    await tx.chunks.remove_other_versions(generation, event.document_id, event.version)
    log.info(
        "document_indexed",
        document_id=str(event.document_id),
        generation=generation,
        chunks=event.chunks_total,
    )
    if not await tx.jobs.finish_if_complete(event.job_id, event.document_id, event.version):
        return ()
    return [status_changed(event, "indexed", at=clock.now())]


def _rows(event: DocumentChunked, vectors: Vectors) -> list[NewChunk]:
    return [
        NewChunk(
            chunk_id=chunk.chunk_id,
            ordinal=chunk.ordinal,
            page_first=chunk.page_first,
            page_last=chunk.page_last,
            char_start=chunk.char_start,
            char_end=chunk.char_end,
            text=chunk.text,
            text_hash=text_hash(chunk.text),
            vector=vectors[text_hash(chunk.text)],
        )
        for chunk in event.chunks
    ]


def _work(event: DocumentChunked) -> tuple[object, ...]:
    return event.version, event.generation, event.part, event.replay_id


def _key(event: DocumentChunked) -> LedgerKey:
    return LedgerKey(
        stage="embed",
        document_id=event.document_id,
        version=event.version,
        generation=event.generation,
        part=event.part,
        replay_id=event.replay_id,
    )
