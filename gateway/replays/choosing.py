"""Which records a replay is about: of a group, since when, until when, of whom."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from aiokafka import ConsumerRecord

from contracts.topics import INPUTS, WorkerName
from runtime.kafka import TopicAdmin


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """What an operator wants to be read again."""

    group: WorkerName
    since: datetime
    until: datetime | None = None
    tenant_id: UUID | None = None
    document_id: UUID | None = None

    @property
    def is_whole(self) -> bool:
        """Whether it is everything since then: the group's offsets are reset for it."""
        return self.until is None and self.tenant_id is None and self.document_id is None

    @property
    def topic(self) -> str:
        """The topic that the group reads."""
        return INPUTS[self.group].name

    def as_texts(self) -> dict[str, str]:
        """Return what was said, for the replay's row."""
        said = {
            "since": self.since.isoformat(),
            "until": self.until.isoformat() if self.until else None,
            "tenant_id": str(self.tenant_id) if self.tenant_id else None,
            "document_id": str(self.document_id) if self.document_id else None,
        }
        return {name: text for name, text in said.items() if text is not None}


async def ranges_of(choice: Choice, admin: TopicAdmin) -> dict[str, tuple[int, int]]:
    """Return for each partition (as text) the first offset that is read again, and the end.

    What the group has not completed yet is not read again: it is read anyway.
    """
    first = await admin.offsets_at(choice.topic, choice.since)
    progress = await admin.progress(choice.group, choice.topic)
    until = await admin.offsets_at(choice.topic, choice.until) if choice.until else {}
    ends = {
        number: min(found.completed, until.get(number, found.completed))
        for number, found in progress.items()
    }
    return {str(number): (min(at, ends[number]), ends[number]) for number, at in first.items()}


def is_chosen(record: ConsumerRecord, chosen: dict[str, str]) -> bool:
    """Say whether a record is one of those that are chosen; tombstones never are."""
    if record.value is None:
        return False
    headers = dict(record.headers)
    tenant, document = chosen.get("tenant_id"), chosen.get("document_id")
    key = (record.key or b"").decode(errors="replace").partition(":")[0]
    return (tenant is None or headers.get("ce_tenant") == tenant.encode()) and (
        document is None or key == document
    )


def count_of(ranges: dict[str, tuple[int, int]]) -> int:
    """Return how many offsets the ranges have; compaction may have left fewer records."""
    return sum(end - first for first, end in ranges.values())
