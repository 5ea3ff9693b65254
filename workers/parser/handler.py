"""The story of one uploaded document: fetch, parse, keep the pages, say where they are."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import structlog

from contracts.artefacts import encode_artefact
from contracts.documents import DocumentUploaded
from contracts.envelope import Outgoing, pack, unpack
from providers.blobs.protocol import BlobStore
from providers.parsing.protocol import DocumentParser, Parsed, RemoteJob, SourceFile
from runtime import metrics
from store import Store, Transaction
from store.ledger import LedgerKey
from workers.parser.core import announce, artefact_key, parsed_text, tombstone

log = structlog.get_logger(__name__)


async def handle(
    event: DocumentUploaded, *, store: Store, blobs: BlobStore, parser: DocumentParser
) -> Sequence[Outgoing]:
    """Parse the document once and return ``DocumentParsed``; nothing when it is obsolete."""
    key = LedgerKey(
        stage="parse",
        document_id=event.document_id,
        version=event.version,
        replay_id=event.replay_id,
    )
    async with store.tenant(event.tenant_id) as tx:
        if (done := await tx.ledger.find(key)) is not None:
            metrics.DUPLICATES.labels("parser").inc()
            return unpack(done)
        if not await _begin(tx, event):
            return ()
    parsed = await _parse(event, store=store, blobs=blobs, parser=parser)
    text = parsed_text(parsed.document)
    artefact = encode_artefact(parsed.document)
    await blobs.put(artefact_key(event), artefact)
    following = [announce(event, parsed.document, artefact=artefact, characters=len(text))]
    async with store.tenant(event.tenant_id) as tx:
        if not await tx.documents.lock_current(event.document_id, event.version):
            metrics.OBSOLETE.labels("parser").inc()
            return ()
        if await tx.ledger.record(key, pack(following)):
            await _save(tx, event, parsed, characters=len(text))
    log.info(
        "document_parsed", document_id=str(event.document_id), pages=len(parsed.document.pages)
    )
    return following


async def confirm(event: DocumentUploaded, *, store: Store) -> Sequence[Outgoing]:
    """Return a tombstone when the document was deleted while its event was on its way."""
    async with store.tenant(event.tenant_id) as tx:
        if await tx.documents.get(event.document_id) is not None:
            return ()
    return [tombstone(event)]


async def _begin(tx: Transaction, event: DocumentUploaded) -> bool:
    """Mark the job as parsing; False when the document was deleted or uploaded again."""
    if not await tx.documents.lock_current(event.document_id, event.version):
        metrics.OBSOLETE.labels("parser").inc()
        return False
    await tx.jobs.start_stage(event.job_id, "parse", status="parsing")
    return True


async def _parse(
    event: DocumentUploaded, *, store: Store, blobs: BlobStore, parser: DocumentParser
) -> Parsed:
    with tempfile.TemporaryDirectory(prefix="ragline-") as folder:
        path = Path(folder) / "original"
        with path.open("wb") as file:
            async for piece in blobs.stream(event.blob_key):
                file.write(piece)
        source = SourceFile(
            path=path, filename=event.filename, media_type=event.media_type, size=event.size
        )
        return await parser.parse(source, await _remote_job(event, store, parser))


async def _remote_job(event: DocumentUploaded, store: Store, parser: DocumentParser) -> RemoteJob:
    """Return what is known of the provider's job, and a way to keep a new one before its poll."""
    async with store.tenant(event.tenant_id) as tx:
        known = await tx.parse_jobs.find(event.document_id, event.version, parser.name)

    async def remember(external_id: str) -> None:
        async with store.tenant(event.tenant_id) as tx:
            await tx.parse_jobs.remember(event.document_id, event.version, parser.name, external_id)

    return RemoteJob(known_id=known, remember=remember)


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
