"""Taking an upload: stream, store, accept; nothing is left behind when it breaks off."""

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from functools import partial

import msgspec
import structlog
from multipart import MultipartSegment

from contracts import ids
from contracts.documents import DocumentUploaded
from contracts.envelope import Outgoing
from contracts.errors import BlobsUnavailable
from gateway.documents.announcing import announce
from gateway.documents.filenames import safe_filename
from gateway.documents.form import Form, read_form
from gateway.documents.keys import incoming_key, original_key, version_prefix
from gateway.documents.metadata import Metadata, parse_knowledge_base, parse_metadata
from gateway.documents.schemas import UploadAccepted
from gateway.outbox_headers import outbox_headers
from gateway.principal import Principal
from gateway.refusals import EmptyFile, IdempotencyKeyReused, UploadTooLarge
from providers.blobs.protocol import BlobStore
from providers.parsing.detection import HEAD_BYTES, detect_media_type
from runtime import metrics, telemetry
from runtime.clock import Clock
from runtime.settings import Settings
from store import Store, Transaction
from store.documents import Accepted, NewDocument

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class ReceivedFile:
    """A file that has arrived and waits under its temporary key."""

    filename: str
    media_type: str
    size: int
    sha256: bytes


@dataclass(frozen=True, kw_only=True)
class Upload:
    """An upload that has arrived as a whole."""

    by: Principal
    file: ReceivedFile
    temporary_key: str
    knowledge_base: str
    metadata: Metadata
    idempotency_key: str | None

    @property
    def request_hash(self) -> bytes:
        """SHA-256 of what makes two uploads the same request."""
        file = self.file
        parts = (file.sha256.hex(), file.filename, self.knowledge_base, self.metadata)
        return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).digest()


class Uploads:
    """Takes uploads; each is stored and accepted in one transaction with its event."""

    def __init__(self, *, store: Store, blobs: BlobStore, clock: Clock, settings: Settings) -> None:
        self._store = store
        self._blobs = blobs
        self._clock = clock
        self._knowledge_base = settings.knowledge_base
        #: The largest file that is taken, in bytes.
        self.max_bytes = settings.max_upload_bytes

    async def take(
        self,
        body: AsyncGenerator[bytes],
        boundary: str,
        by: Principal,
        idempotency_key: str | None = None,
    ) -> UploadAccepted:
        """Receive the form, store its file, accept the document.

        Raises what `gateway.documents.form` raises, ``EmptyFile``, ``InvalidFilename``,
        ``UploadTooLarge``, ``UnsupportedMediaType``, ``IdempotencyKeyReused``,
        ``BlobsUnavailable`` or ``StoreUnavailable``; the temporary blob is gone then.
        """
        temporary = incoming_key(by.tenant_id, self._clock.now().date())
        try:
            form = await read_form(body, boundary, partial(self._receive, temporary))
            upload = self._upload(form, by, temporary, idempotency_key)
            return await self._accept(upload)
        finally:
            await self._discard(temporary)

    async def _receive(
        self, key: str, segment: MultipartSegment, content: AsyncIterator[bytes]
    ) -> ReceivedFile:
        filename = safe_filename(segment.filename)
        head = await _head(content)
        if not head:
            raise EmptyFile
        media_type = detect_media_type(head, filename, segment.content_type).value
        passing = _Passing(limit=self.max_bytes)
        size = await self._blobs.put_stream(key, passing.measured(head, content))
        return ReceivedFile(
            filename=filename, media_type=media_type, size=size, sha256=passing.sha256.digest()
        )

    def _upload(
        self, form: Form[ReceivedFile], by: Principal, temporary: str, key: str | None
    ) -> Upload:
        name = form.texts.get("knowledge_base", b"").decode(errors="replace").strip()
        return Upload(
            by=by,
            file=form.file,
            temporary_key=temporary,
            knowledge_base=parse_knowledge_base(name) if name else self._knowledge_base,
            metadata=parse_metadata(form.texts.get("metadata")),
            idempotency_key=key,
        )

    async def _accept(self, upload: Upload) -> UploadAccepted:
        try:
            async with self._store.tenant(upload.by.tenant_id) as tx:
                if answered := await _answered(tx, upload):
                    return answered
                accepted = await self._accept_in(tx, upload)
        except _AnsweredMeanwhile:
            return await self._accept(upload)
        if not accepted.deduplicated:
            metrics.UPLOAD_BYTES.inc(upload.file.size)
            await self._forget_version_before(upload, accepted)
        log.info(
            "document_accepted",
            document_id=str(accepted.document_id),
            job_id=str(accepted.job_id),
            size=upload.file.size,
            deduplicated=accepted.deduplicated,
        )
        return UploadAccepted.of(accepted)

    async def _accept_in(self, tx: Transaction, upload: Upload) -> Accepted:
        tenant, file = upload.by.tenant_id, upload.file
        document = ids.document_id(tenant, file.sha256)
        new = NewDocument(
            document_id=document,
            sha256=file.sha256,
            filename=file.filename,
            media_type=file.media_type,
            size=file.size,
            knowledge_base=upload.knowledge_base,
            metadata=upload.metadata,
            blob_key_for=partial(original_key, tenant, document),
        )
        accepted = await tx.documents.accept(new, trace_id=telemetry.current_trace_id())
        await _remember(tx, upload, accepted)
        if not accepted.deduplicated:
            # Before the commit: whoever sees the event must find the file.
            await self._blobs.rename(upload.temporary_key, accepted.blob_key)
            outgoing = self._event(upload, accepted)
            headers = outbox_headers(outgoing, self._clock)
            await tx.outbox.append(outgoing, headers=headers, job_id=accepted.job_id)
        return accepted

    def _event(self, upload: Upload, accepted: Accepted) -> Outgoing:
        tenant, document, file = upload.by.tenant_id, accepted.document_id, upload.file
        event = DocumentUploaded(
            tenant_id=tenant,
            document_id=document,
            version=accepted.version,
            job_id=accepted.job_id,
            filename=file.filename,
            media_type=file.media_type,
            size=file.size,
            sha256=file.sha256.hex(),
            blob_key=accepted.blob_key,
            knowledge_base=upload.knowledge_base,
            metadata=upload.metadata,
            uploaded_at=self._clock.now(),
        )
        return announce(event)

    async def _forget_version_before(self, upload: Upload, accepted: Accepted) -> None:
        """A failed version's blobs serve nobody; what stays here goes with the document."""
        if accepted.version == 1:
            return
        before = accepted.version - 1
        prefix = version_prefix(upload.by.tenant_id, accepted.document_id, before)
        try:
            await self._blobs.delete_prefix(prefix)
        except BlobsUnavailable:
            log.warning("old_version_left", document_id=str(accepted.document_id), version=before)

    async def _discard(self, temporary: str) -> None:
        try:
            await self._blobs.delete(temporary)
        except BlobsUnavailable:
            log.warning("incoming_file_left", key=temporary)  # housekeeping removes it


class _AnsweredMeanwhile(Exception):
    """Another request with this Idempotency-Key was faster; ours is rolled back."""


class _Passing:
    """Hashes and counts the bytes that pass by."""

    def __init__(self, *, limit: int) -> None:
        self.sha256 = hashlib.sha256()
        self._limit = limit
        self._size = 0

    async def measured(self, head: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        yield self._pass(head)
        async for piece in rest:
            yield self._pass(piece)

    def _pass(self, piece: bytes) -> bytes:
        self._size += len(piece)
        if self._size > self._limit:
            raise UploadTooLarge(f"The file is larger than the {self._limit} bytes allowed here.")
        self.sha256.update(piece)
        return piece


async def _head(content: AsyncIterator[bytes]) -> bytes:
    head = bytearray()
    async for piece in content:
        head += piece
        if len(head) >= HEAD_BYTES:
            break
    return bytes(head)


async def _answered(tx: Transaction, upload: Upload) -> UploadAccepted | None:
    """Return the answer that this Idempotency-Key got before, None if it is new."""
    if upload.idempotency_key is None:
        return None
    found = await tx.idempotency.find(upload.by.user_id, upload.idempotency_key)
    if found is None:
        return None
    request_hash, response = found
    if request_hash != upload.request_hash:
        raise IdempotencyKeyReused
    return msgspec.convert(response, UploadAccepted)


async def _remember(tx: Transaction, upload: Upload, accepted: Accepted) -> None:
    if upload.idempotency_key is None:
        return
    saved = await tx.idempotency.save(
        upload.by.user_id,
        upload.idempotency_key,
        upload.request_hash,
        msgspec.to_builtins(UploadAccepted.of(accepted)),
    )
    if not saved:
        raise _AnsweredMeanwhile
