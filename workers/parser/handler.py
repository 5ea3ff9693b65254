"""The story of one uploaded document: fetch, parse, keep the pages, say where they are."""

from collections.abc import Sequence
from pathlib import Path

import structlog

from contracts.artefacts import encode_artefact
from contracts.documents import DocumentUploaded
from contracts.envelope import Outgoing, pack, unpack
from contracts.errors import BlobsUnavailable, Rejected
from providers.blobs.protocol import BlobStore
from providers.parsing.protocol import DocumentParser, Parsed, RemoteJob, SourceFile
from runtime import metrics
from runtime.scratch import scratch_folder
from store import Store, Transaction
from store.ledger import LedgerKey
from workers.parser.core import announce, artefact_key, parsed_text, tombstone

log = structlog.get_logger(__name__)


async def handle(
    event: DocumentUploaded, *, store: Store, blobs: BlobStore, parser: DocumentParser
) -> Sequence[Outgoing]:
    """Parse the document once and return ``DocumentParsed``.

    What is obsolete leaves nothing: see ``_leave``.
    """
    key = _ledger_key(event, event.version, event.replay_id)
    async with store.tenant(event.tenant_id) as tx:
        if (done := await tx.ledger.find(key)) is not None:
            metrics.DUPLICATES.labels("parser").inc()
            return unpack(done)
        begun = await _begin(tx, event)
    if not begun:
        return await _leave(event, store=store, blobs=blobs)
    try:
        parsed = await _parse(event, store=store, blobs=blobs, parser=parser)
        text = parsed_text(parsed.document)
    except Rejected:
        if await _is_current(event, store):
            raise
        return await _leave(event, store=store, blobs=blobs)  # its file was purged meanwhile
    artefact = encode_artefact(parsed.document)
    await blobs.put(artefact_key(event), artefact)
    following = [announce(event, parsed.document, artefact=artefact, characters=len(text))]
    async with store.tenant(event.tenant_id) as tx:
        await _note_usage(tx, event, parsed)
        current = await tx.documents.lock_current(event.document_id, event.version)
        if current and await tx.ledger.record(key, pack(following)):
            await _save(tx, event, parsed, characters=len(text))
        elif current:
            raise AlreadyParsed  # the next try finds what the other one has published
    if not current:
        return await _leave(event, store=store, blobs=blobs)
    log.info(
        "document_parsed", document_id=str(event.document_id), pages=len(parsed.document.pages)
    )
    return following


class AlreadyParsed(Exception):
    """Another delivery of the same upload was faster."""


async def confirm(event: DocumentUploaded, *, store: Store) -> Sequence[Outgoing]:
    """Return what must be the document's last record now that ours is there, if ours is not it.

    A tombstone when the document was deleted while our record was on its way; the record of a
    later version when that one was faster.
    """
    async with store.tenant(event.tenant_id) as tx:
        document = await tx.documents.get(event.document_id)
        if document is None:
            return [tombstone(event)]
        if document.version == event.version:
            return ()
        later = await tx.ledger.find(_ledger_key(event, document.version))
    return () if later is None else unpack(later)


def _ledger_key(event: DocumentUploaded, version: int, replay_id: str = "") -> LedgerKey:
    return LedgerKey(
        stage="parse", document_id=event.document_id, version=version, replay_id=replay_id
    )


async def _is_current(event: DocumentUploaded, store: Store) -> bool:
    async with store.tenant(event.tenant_id) as tx:
        return await tx.documents.is_current(event.document_id, event.version)


async def _leave(event: DocumentUploaded, *, store: Store, blobs: BlobStore) -> Sequence[Outgoing]:
    """Remove the pages of an obsolete version; return a tombstone when the document is deleted.

    The pages may have been stored after the deletion was purged, and our record published after
    the deletion's tombstone: nobody else would remove them.
    """
    metrics.OBSOLETE.labels("parser").inc()
    await blobs.delete(artefact_key(event))
    async with store.tenant(event.tenant_id) as tx:
        deleted = await tx.documents.get(event.document_id) is None
    return [tombstone(event)] if deleted else ()


async def _begin(tx: Transaction, event: DocumentUploaded) -> bool:
    """Mark the job as parsing; False when the document was deleted or uploaded again."""
    if not await tx.documents.lock_current(event.document_id, event.version):
        return False
    await tx.jobs.start_stage(event.job_id, "parse", status="parsing")
    return True


async def _parse(
    event: DocumentUploaded, *, store: Store, blobs: BlobStore, parser: DocumentParser
) -> Parsed:
    with scratch_folder() as folder:
        path = folder / "original"
        await fetch_original(event.blob_key, path, blobs)
        source = SourceFile(
            path=path, filename=event.filename, media_type=event.media_type, size=event.size
        )
        return await parser.parse(source, await _remote_job(event, store, parser))


async def fetch_original(key: str, path: Path, blobs: BlobStore) -> None:
    """Write the uploaded file to ``path``; ``BlobsUnavailable`` also when the disk is full."""
    try:
        with path.open("wb") as file:
            async for piece in blobs.stream(key):
                file.write(piece)
    except OSError as error:  # it says nothing about the document
        raise BlobsUnavailable(f"No file can be written in {path.parent}: {error}") from error


async def _remote_job(event: DocumentUploaded, store: Store, parser: DocumentParser) -> RemoteJob:
    """Return what is known of the provider's job, and a way to keep a new one before its poll."""
    async with store.tenant(event.tenant_id) as tx:
        known = await tx.parse_jobs.find(event.document_id, event.version, parser.name)

    async def remember(external_id: str) -> None:
        async with store.tenant(event.tenant_id) as tx:
            await tx.parse_jobs.remember(event.document_id, event.version, parser.name, external_id)

    return RemoteJob(known_id=known, remember=remember)


async def _note_usage(tx: Transaction, event: DocumentUploaded, parsed: Parsed) -> None:
    """Note what parsing took, once, also of a document that was deleted meanwhile."""
    await tx.usage.parsed(
        event.document_id,
        event.version,
        event.replay_id,
        pages=len(parsed.document.pages),
        pages_billed=parsed.pages_billed,
    )


async def _save(
    tx: Transaction, event: DocumentUploaded, parsed: Parsed, *, characters: int
) -> None:
    pages = len(parsed.document.pages)
    metrics.PAGES.labels(parsed.document.parser).inc(pages)
    await tx.documents.mark_parsed(
        event.document_id,
        event.version,
        artefact_key=artefact_key(event),
        parser=parsed.document.parser,
        pages=pages,
        characters=characters,
        pages_billed=parsed.pages_billed,
    )
    await tx.jobs.finish_stage(
        event.job_id, "parse", done=pages, total=pages, next_stage="chunk", status="chunking"
    )
