"""What a record of a dead-letter topic tells: from its headers, its value, or its key."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from aiokafka import ConsumerRecord

from contracts import delivery_headers as names
from contracts.codec import decode
from contracts.conversations import TurnEvent
from contracts.documents import DocumentEvent
from contracts.errors import UndecodableEvent
from contracts.ids import DocumentId, TenantId, derive
from contracts.topics import INPUTS, WORKERS, WorkerName, dead_letter_topic
from store.dead_letters import DeadRecord

#: The topics of dead letters, with the group whose records they keep.
GROUPS: Mapping[str, WorkerName] = {dead_letter_topic(worker).name: worker for worker in WORKERS}

UNKNOWN = "unknown"
#: What a column of type integer takes.
MOST = 2**31 - 1
#: The end of the year 9000: both Python and PostgreSQL know it.
LATEST_MS = 221_876_841_600_000


def read_record(record: ConsumerRecord) -> DeadRecord:
    """Return the record as it is kept; whatever is missing or odd in it is no error."""
    said = _Headers(record)
    group = GROUPS[record.topic]
    tenant_id, document_id = _owner(group, record, said)
    version, generation = _work(group, record, said)
    return DeadRecord(
        dead_letter_id=derive(
            "dead letter", record.topic, record.partition, record.offset, record.timestamp
        ),
        topic=record.topic,
        partition=record.partition,
        record_offset=record.offset,
        recorded_at=said.recorded_at,
        origin_topic=said.text(names.ORIGIN_TOPIC),
        origin_partition=said.number(names.ORIGIN_PARTITION),
        origin_offset=said.number(names.ORIGIN_OFFSET, most=2**63 - 1),
        consumer_group=group,
        key=record.key,
        value=record.value,
        headers=[(_storable(name), value) for name, value in record.headers],
        code=said.text(names.CODE) or UNKNOWN,
        reason=said.text(names.REASON) or "",
        attempts=said.number(names.ATTEMPTS) or 0,
        first_failure=said.time(names.FIRST_FAILURE),
        last_failure=said.time(names.LAST_FAILURE),
        worker_version=said.text(names.WORKER_VERSION) or UNKNOWN,
        tenant_id=tenant_id,
        document_id=document_id,
        redrives=said.number(names.REDRIVES) or 0,
        version=version,
        generation=generation,
    )


def event_of(group: str, value: bytes | None) -> DocumentEvent | TurnEvent | None:
    """Return the event that a dead letter of this group holds, None when it is none."""
    if value is None or group not in WORKERS:
        return None
    try:
        event: Any = decode(INPUTS[group], value)
    except UndecodableEvent:
        return None
    return event if isinstance(event, DocumentEvent | TurnEvent) else None


class _Headers:
    """The headers of a record, each as what it should be, or None."""

    def __init__(self, record: ConsumerRecord) -> None:
        self._values = dict(record.headers)
        #: By the clock of whoever gave it up, or of the broker.
        stamp = min(max(record.timestamp, 0), LATEST_MS)
        self.recorded_at = datetime.fromtimestamp(stamp / 1000, UTC)

    def text(self, name: str) -> str | None:
        value = self._values.get(name)
        return None if value is None else _storable(value.decode(errors="replace"))

    def number(self, name: str, *, most: int = MOST) -> int | None:
        value = self._values.get(name, b"")
        return min(int(value), most) if value.isdigit() and len(value) < len(str(most)) else None

    def time(self, name: str) -> datetime:
        """Return the time in a header; that of the record where there is none."""
        try:
            found = datetime.fromisoformat(self.text(name) or "")
            return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            return self.recorded_at

    def uuid(self, name: str) -> UUID | None:
        return _uuid(self.text(name) or "")


def _owner(
    group: WorkerName, record: ConsumerRecord, said: _Headers
) -> tuple[TenantId | None, DocumentId | None]:
    """Return whose record it is and of which document.

    What cannot be decoded may be an event of a later version: its key and its headers tell, so that
    it goes when its document is deleted.
    """
    match event_of(group, record.value):
        case DocumentEvent() as event:
            return event.tenant_id, event.document_id
        case TurnEvent() as event:
            return event.tenant_id, None
        case None:
            tenant = said.uuid("ce_tenant")
            key = (record.key or b"").decode(errors="replace").partition(":")[0]
            document = None if group == "responder" else _uuid(key)
            return (
                None if tenant is None else TenantId(tenant),
                None if document is None else DocumentId(document),
            )


def _work(
    group: WorkerName, record: ConsumerRecord, said: _Headers
) -> tuple[int | None, int | None]:
    """Return the document's version and 0 or the generation, of what can be decoded."""
    event = event_of(group, record.value)
    if not isinstance(event, DocumentEvent):
        return None, None
    generation = said.number(names.GENERATION)
    if generation is None:
        generation = int(getattr(event, "generation", 0))
    return _column(event.version), _column(generation)


def _column(number: int) -> int | None:
    return number if 0 <= number <= MOST else None


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _storable(text: str) -> str:
    """Return the text without the one character that PostgreSQL does not keep."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
