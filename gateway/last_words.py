"""A compacted topic keeps the last record of each document: it must be the right one.

A record may be slow on its way to Kafka. When another leader has published the document's tombstone
meanwhile, the slow one would be the last, and bring back what was deleted; a slow tombstone would
take away what was uploaded again. So whoever publishes looks at the document again once its record
is there.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

import structlog

from contracts.codec import decode
from contracts.envelope import Outgoing, unpack
from contracts.errors import UndecodableEvent
from contracts.ids import DocumentId
from contracts.topics import DOCUMENTS_PARSED, DOCUMENTS_UPLOADED, TOPICS_BY_NAME, Topic
from gateway.documents.announcing import announce_again
from gateway.documents.deletion import tombstone
from runtime.kafka import Publisher
from store import Store, Transaction
from store.ledger import LedgerKey
from store.relay import Fence, OutboxRow

log = structlog.get_logger(__name__)

TRACE_HEADERS = ("traceparent", "tracestate")


class LastWords:
    """Publishes what must be last after records that came late."""

    def __init__(self, *, store: Store, publisher: Publisher) -> None:
        self._store = store
        self._publisher = publisher

    async def say_again(self, published: Sequence[OutboxRow]) -> None:
        """Publish what is last of each document of which these rows say something else.

        Raises ``StoreUnavailable`` or ``BrokerUnavailable``; then it is to be called again.
        """
        # Of each topic and key the last one counts.
        last = {(row.topic, row.key): row for row in published if _is_compacted(row)}
        if not last:
            return
        async with self._store.system() as tx:
            fences = await tx.relay.fences({DocumentId(UUID(row.key)) for row in last.values()})
        for row in last.values():
            fence = fences.get(DocumentId(UUID(row.key)))
            if fence is not None and _version_in(row) != fence.newest:
                await self._say_last_word(row, fence)

    async def _say_last_word(self, row: OutboxRow, fence: Fence) -> None:
        topic = TOPICS_BY_NAME[row.topic]
        async with self._store.tenant(row.tenant_id) as tx:
            outgoing = await _last_word(tx, topic, row, fence)
        if outgoing is None:
            return
        await self._publisher.publish(outgoing, headers=_trace(row.headers))
        log.info("last_word_said_again", document_id=row.key, topic=row.topic)


async def _last_word(
    tx: Transaction, topic: Topic, row: OutboxRow, fence: Fence
) -> Outgoing | None:
    """Return what must be the topic's last record of the document; None when that will come."""
    document_id = DocumentId(UUID(row.key))
    if (document := await tx.documents.get(document_id)) is None:
        return tombstone(topic, row.tenant_id, document_id, fence.version)
    if topic is DOCUMENTS_UPLOADED:
        return await announce_again(tx, row.tenant_id, document)
    key = LedgerKey(stage="parse", document_id=document_id, version=document.version)
    parsed = await tx.ledger.find(key)
    return None if parsed is None else unpack(parsed)[0]


def _is_compacted(row: OutboxRow) -> bool:
    return row.topic in {DOCUMENTS_UPLOADED.name, DOCUMENTS_PARSED.name} and _is_uuid(row.key)


def _is_uuid(key: str) -> bool:
    try:
        UUID(key)
    except ValueError:
        return False
    return True


def _version_in(row: OutboxRow) -> int | None:
    """Return the version that the record is of, None for a tombstone."""
    if row.value is None:
        return None
    try:
        version: int = decode(TOPICS_BY_NAME[row.topic], row.value).version
    except UndecodableEvent:  # of another release, whose rows we publish as they are
        return None
    return version


def _trace(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: headers[name] for name in TRACE_HEADERS if name in headers}
