"""The story of one parsed document: fetch its pages, split them, send the parts."""

import hashlib
from collections.abc import Sequence
from functools import partial

import structlog

from contracts.artefacts import decode_artefact
from contracts.documents import DocumentParsed
from contracts.envelope import Outgoing
from contracts.errors import MissingBlob, ParsingTimedOut, Rejected, StoreUnavailable
from contracts.text import join_pages
from providers.blobs.protocol import BlobStore
from runtime import metrics
from runtime.processes import ProcessPool
from store import Store, Transaction
from store.ledger import LedgerKey
from workers.chunker.core import Chunk, chunk_text, parse_strategy, plan_parts
from workers.chunker.core.events import Target, announce
from workers.chunker.settings import SPLIT_SECONDS

log = structlog.get_logger(__name__)

NO_GENERATION = "No generation is active; run `ragline migrate`."


async def handle(
    event: DocumentParsed, *, store: Store, blobs: BlobStore, processes: ProcessPool
) -> Sequence[Outgoing]:
    """Return a ``DocumentChunked`` for each part; nothing when the document is obsolete.

    The parts are computed again when the record comes again: they are too large for the ledger,
    and the same text gives the same parts.
    """
    async with store.tenant(event.tenant_id) as tx:
        current = await tx.documents.is_current(event.document_id, event.version)
        generation = await tx.generations.active()
    if not current:
        return _leave()
    if generation is None:
        raise StoreUnavailable(NO_GENERATION)
    target = Target(generation=generation.generation_id, strategy=generation.strategy)
    try:
        chunks = await _split(await _pages(event, blobs), target, processes)
    except Rejected:
        async with store.tenant(event.tenant_id) as tx:
            current = await tx.documents.is_current(event.document_id, event.version)
        if current:
            raise
        return _leave()  # its pages were purged meanwhile
    parts = plan_parts(chunks)
    async with store.tenant(event.tenant_id) as tx:
        if not await tx.documents.lock_current(event.document_id, event.version):
            return _leave()
        await _save(tx, event, target, part_count=len(parts), chunks_total=len(chunks))
    log.info("document_chunked", document_id=str(event.document_id), chunks=len(chunks))
    return announce(event, parts, target)


def _leave() -> Sequence[Outgoing]:
    metrics.OBSOLETE.labels("chunker").inc()
    return ()


async def _pages(event: DocumentParsed, blobs: BlobStore) -> list[str]:
    data = await blobs.get(event.artefact_key)
    if hashlib.sha256(data).hexdigest() != event.artefact_sha256:
        raise MissingBlob("The stored pages are not those that were parsed; upload it again.")
    return [page.text for page in decode_artefact(data).pages]


async def _split(pages: list[str], target: Target, processes: ProcessPool) -> list[Chunk]:
    """Split in a process of its own: a blocked loop would lose the place in the group."""
    text, starts = join_pages(pages)
    size = parse_strategy(target.strategy)
    try:
        return await processes.run(
            partial(chunk_text, size=size), text, starts, timeout=SPLIT_SECONDS
        )
    except TimeoutError as error:
        raise ParsingTimedOut("Splitting the text took too long; split the file.") from error


async def _save(
    tx: Transaction, event: DocumentParsed, target: Target, *, part_count: int, chunks_total: int
) -> None:
    """Say once how many parts there will be, so that the last one is known."""
    key = LedgerKey(
        stage="chunk",
        document_id=event.document_id,
        version=event.version,
        generation=target.generation,
        replay_id=event.replay_id,
    )
    if not await tx.ledger.record(key, b""):
        metrics.DUPLICATES.labels("chunker").inc()
        return
    await tx.parts.expect(
        event.document_id,
        event.version,
        target.generation,
        part_count=part_count,
        chunks_total=chunks_total,
    )
    await tx.jobs.finish_stage(
        event.job_id,
        "chunk",
        done=chunks_total,
        total=chunks_total,
        next_stage="embed",
        status="embedding",
    )
