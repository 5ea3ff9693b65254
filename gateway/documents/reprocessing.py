"""Processing documents again: from their pages, or parsed anew as another version."""

import hashlib
from dataclasses import dataclass

import structlog

from contracts import ids
from contracts.documents import DocumentParsed
from contracts.envelope import Outgoing
from contracts.errors import MissingBlob
from contracts.ids import DocumentId, JobId, TenantId, event_id
from contracts.topics import TOPICS_BY_NAME, replay_topic
from gateway.documents.announcing import announce_again
from gateway.outbox_headers import outbox_headers
from gateway.refusals import DocumentBusy, NotFound
from providers.blobs.protocol import BlobStore
from runtime.clock import Clock
from runtime.telemetry import current_trace_id
from store import Store, Transaction
from store.documents import Document

log = structlog.get_logger(__name__)

NOT_PARSED = "This document was never parsed; force a parse."


@dataclass(frozen=True, kw_only=True, slots=True)
class Begun:
    """The job in which a document is processed again."""

    document_id: DocumentId
    job_id: JobId
    version: int


class Reprocessor:
    """Hands documents to the workers again."""

    def __init__(self, *, store: Store, blobs: BlobStore, clock: Clock) -> None:
        self._store = store
        self._blobs = blobs
        self._clock = clock

    async def reprocess(
        self, document_id: DocumentId, tenant: TenantId, *, force_parse: bool
    ) -> Begun:
        """Process one document again.

        Its pages are split and embedded again, in every generation, behind live work. Or its file
        is parsed anew: that is the next version; until it is indexed the one before answers.

        Raises ``NotFound``; ``DocumentBusy`` while it is processed; ``MissingBlob``.
        """
        async with self._store.tenant(tenant) as tx:
            document = await tx.documents.get(document_id)
        if document is None:
            raise NotFound("There is no such document.")
        if document.status not in {"indexed", "failed"}:
            raise DocumentBusy
        if force_parse:
            begun = await self._parse_again(document, tenant)
        else:
            begun = await self._chunk_again(document, tenant)
        log.info("document_reprocessed", document_id=str(document_id), version=begun.version)
        return begun

    async def _parse_again(self, document: Document, tenant: TenantId) -> Begun:
        async with self._store.tenant(tenant) as tx:
            await self._lock(tx, document)
            await tx.reprocessing.begin_next_version(
                document.document_id, document.version, trace_id=current_trace_id()
            )
            current = await tx.documents.get(document.document_id)
            if current is None:
                raise NotFound("There is no such document.")
            outgoing = await announce_again(tx, tenant, current)
            await tx.outbox.append(
                outgoing, headers=outbox_headers(outgoing, self._clock), job_id=current.job_id
            )
        return Begun(
            document_id=document.document_id, job_id=current.job_id, version=current.version
        )

    async def _chunk_again(self, document: Document, tenant: TenantId) -> Begun:
        if document.artefact_key is None:
            raise DocumentBusy(NOT_PARSED)
        digest = hashlib.sha256(await self._blobs.get(document.artefact_key)).hexdigest()
        outgoing = _again(document, tenant, digest)
        async with self._store.tenant(tenant) as tx:
            await self._lock(tx, document)
            await tx.jobs.reopen(document.job_id, "chunk")
            await tx.rebuilding.forget_what_is_not_whole(document.document_id, document.version)
            await tx.outbox.append(outgoing, headers=outbox_headers(outgoing, self._clock))
        return Begun(
            document_id=document.document_id, job_id=document.job_id, version=document.version
        )

    async def _lock(self, tx: Transaction, document: Document) -> None:
        await tx.documents.lock_uploads(document.document_id)
        if not await tx.reprocessing.lock(document.document_id, document.version):
            raise DocumentBusy("It was changed just now; try again.")


def _again(document: Document, tenant: TenantId, digest: str) -> Outgoing:
    """Return the event of the document's pages, for the chunker's replays."""
    if document.artefact_key is None or document.parser is None:
        raise MissingBlob(NOT_PARSED)
    replay = f"reprocess-{ids.new_id()}"
    return Outgoing(
        topic=TOPICS_BY_NAME[replay_topic("chunker")],
        key=str(document.document_id),
        tenant_id=tenant,
        event_id=event_id("parse", document.document_id, document.version, replay),
        event=DocumentParsed(
            tenant_id=tenant,
            document_id=document.document_id,
            version=document.version,
            job_id=document.job_id,
            replay_id=replay,
            artefact_key=document.artefact_key,
            artefact_sha256=digest,
            pages=document.pages or 0,
            characters=document.characters or 0,
            parser=document.parser,
        ),
    )
