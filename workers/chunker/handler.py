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
from contracts.topics import DOCUMENTS_CHUNKED, chunked_topic
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

#: What the ledger keeps of a document that the workers of a build have chunked.
BY_BUILD = b"build"


async def handle(
    event: DocumentParsed,
    *,
    store: Store,
    blobs: BlobStore,
    processes: ProcessPool,
    build: int | None = None,
) -> Sequence[Outgoing]:
    """Return a ``DocumentChunked`` for each part; nothing when the document is obsolete.

    The parts are computed again when the record comes again: they are too large for the ledger,
    and the same text gives the same parts. ``build`` is the one generation to make them for;
    without it they are made for every generation that live uploads go into.
    """
    async with store.tenant(event.tenant_id) as tx:
        current = await tx.documents.is_current(event.document_id, event.version)
        targets = await _targets(tx, event, build)
    if not (current and targets):
        return _leave()
    try:
        return await _chunk(event, targets, store=store, blobs=blobs, processes=processes)
    except Rejected:
        async with store.tenant(event.tenant_id) as tx:
            current = await tx.documents.is_current(event.document_id, event.version)
        if current:
            raise
        return _leave()  # its pages were purged meanwhile


async def _targets(tx: Transaction, event: DocumentParsed, build: int | None) -> list[Target]:
    """Return what to make chunks for, the active generation first; nothing for a dropped one."""
    only = build or event.generation
    if only:
        generation = await tx.generations.get(only)
        found = [] if generation is None or generation.state == "dropped" else [generation]
    else:
        found = await tx.generations.targets()
        if not found or found[0].state != "active":
            raise StoreUnavailable(NO_GENERATION)
    return [
        Target(
            generation=generation.generation_id,
            strategy=generation.strategy,
            topic=chunked_topic(build) if build else DOCUMENTS_CHUNKED,
            is_active=generation.state == "active",
            is_build=build is not None,
        )
        for generation in found
    ]


async def _chunk(
    event: DocumentParsed,
    targets: Sequence[Target],
    *,
    store: Store,
    blobs: BlobStore,
    processes: ProcessPool,
) -> Sequence[Outgoing]:
    """Split the text once for each strategy; only the first generation's failure is the record's.

    The first is the active one, or the only one that the record is for.
    """
    pages = await _pages(event, blobs)
    split: dict[str, list[Chunk]] = {}
    following: list[Outgoing] = []
    for target in targets:
        try:
            if target.strategy not in split:
                split[target.strategy] = await _split(pages, target, processes)
        except Rejected as error:
            if target is targets[0]:
                raise
            await _give_up(event, target, store, error)
            continue
        parts = plan_parts(split[target.strategy])
        chunks = len(split[target.strategy])
        async with store.tenant(event.tenant_id) as tx:
            if not await _save(tx, event, target, part_count=len(parts), chunks_total=chunks):
                continue
        log.info(
            "document_chunked",
            document_id=str(event.document_id),
            generation=target.generation,
            chunks=chunks,
        )
        following += announce(event, parts, target)
    return following


async def _give_up(event: DocumentParsed, target: Target, store: Store, error: Rejected) -> None:
    """Let another generation than the active one do without the document."""
    async with store.tenant(event.tenant_id) as tx:
        if await tx.documents.lock_current(event.document_id, event.version):
            await tx.parts.fail(event.document_id, event.version, target.generation)
    log.error(
        "document_not_chunked",
        document_id=str(event.document_id),
        generation=target.generation,
        code=error.code,
    )


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
) -> bool:
    """Say once how many parts there will be, so that the last one is known.

    False when there is nothing to publish: the document or the generation is gone, or the workers
    of the build have it (or the live ones, asked by the build).
    """
    if not (
        await tx.documents.lock_current(event.document_id, event.version)
        and await tx.generations.lock(target.generation)
    ):
        _leave()
        return False
    if not await _record(tx, event, target):
        return not await _is_others(tx, event, target)
    await tx.parts.expect(
        event.document_id,
        event.version,
        target.generation,
        part_count=part_count,
        chunks_total=chunks_total,
    )
    if target.is_active:
        await tx.jobs.finish_stage(
            event.job_id,
            "chunk",
            done=chunks_total,
            total=chunks_total,
            next_stage="embed",
            status="embedding",
        )
    return True


async def _record(tx: Transaction, event: DocumentParsed, target: Target) -> bool:
    if await tx.ledger.record(_key(event, target), BY_BUILD if target.is_build else b""):
        return True
    metrics.DUPLICATES.labels("chunker").inc()
    return False


async def _is_others(tx: Transaction, event: DocumentParsed, target: Target) -> bool:
    """Say whether the other ones of live workers and a build's have this document and publish it.

    Both read what came shortly before live uploads began to go into the generation.
    """
    if event.generation or not await tx.generations.is_building(target.generation):
        return False
    by = await tx.ledger.find(_key(event, target))
    return by != (BY_BUILD if target.is_build else b"")


def _key(event: DocumentParsed, target: Target) -> LedgerKey:
    return LedgerKey(
        stage="chunk",
        document_id=event.document_id,
        version=event.version,
        generation=target.generation,
        replay_id=event.replay_id,
    )
