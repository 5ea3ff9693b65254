"""What operators get told about dead letters, and send."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta
from typing_extensions import override

from contracts.documents import DocumentEvent
from contracts.ids import DocumentId, TenantId
from contracts.topics import WorkerName
from gateway.dead_letters.records import event_of
from gateway.dead_letters.redriving import Redriven
from gateway.paging import Page
from gateway.refusals import InvalidRequest
from store.dead_letters import Chosen, DeadLetter, DeadLetterState

MAX_LIMIT = 100
MAX_PER_SECOND = 100


class DeadLetterShown(msgspec.Struct, frozen=True, kw_only=True):
    """A record that a worker gave up."""

    dead_letter_id: UUID
    #: The worker that gave it up; also the name of its consumer group.
    group: str
    state: DeadLetterState
    #: Why, stable.
    code: str
    #: Why, for a person.
    reason: str
    tenant_id: UUID | None
    document_id: UUID | None
    #: Tries before it was given up.
    attempts: int
    #: How often it had been redriven before.
    redrives: int
    first_failure: datetime
    last_failure: datetime
    worker_version: str
    #: When it was redriven or discarded.
    settled_at: datetime | None

    @classmethod
    def of(cls, letter: DeadLetter) -> "DeadLetterShown":
        """Return a dead letter as it is shown in a list."""
        return cls(**_fields(letter))


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a record is in Kafka."""

    topic: str | None
    partition: int | None
    offset: int | None


class DeadLetterDetails(DeadLetterShown, frozen=True, kw_only=True):
    """A dead letter with its record, except the texts of documents."""

    #: Where it is kept.
    kept: Place
    #: Where it was first.
    origin: Place
    key: str | None
    headers: dict[str, str]
    #: Size of the record's value, in bytes.
    size: int
    #: The record's event without texts; null where it cannot be decoded.
    event: dict[str, Any] | None

    @classmethod
    @override
    def of(cls, letter: DeadLetter) -> "DeadLetterDetails":
        """Return all that is shown of a dead letter."""
        return cls(
            **_fields(letter),
            kept=Place(topic=letter.topic, partition=letter.partition, offset=letter.record_offset),
            origin=Place(
                topic=letter.origin_topic,
                partition=letter.origin_partition,
                offset=letter.origin_offset,
            ),
            key=None if letter.key is None else letter.key.decode(errors="replace"),
            headers={name: value.decode(errors="replace") for name, value in letter.headers},
            size=len(letter.value or b""),
            event=_event(letter),
        )


class DeadLetterPage(Page[DeadLetterShown], frozen=True):
    """Some dead letters, newest first."""


class RedriveOne(msgspec.Struct, frozen=True, kw_only=True):
    """How to redrive a dead letter."""

    #: Also when it was redriven three times, or is redriven or discarded.
    force: bool = False


class RedriveMany(msgspec.Struct, frozen=True, kw_only=True):
    """Which dead letters to redrive, of those that wait; the oldest come first."""

    group: WorkerName | None = None
    code: Annotated[str, Meta(max_length=100)] | None = None
    document_id: UUID | None = None
    tenant_id: UUID | None = None
    #: Given up at this time or later; UTC where no zone is said.
    since: datetime | None = None
    #: How many at most in this request.
    limit: Annotated[int, Meta(ge=1, le=MAX_LIMIT)] = 50
    #: Only those behind this one: `last_id` of the answer before.
    after: UUID | None = None
    #: Records a second, so that a provider that just came back is not overrun.
    per_second: Annotated[int, Meta(ge=1, le=MAX_PER_SECOND)] = 10
    #: Also what was redriven three times.
    force: bool = False

    def chosen(self) -> Chosen:
        """Return what is meant."""
        return Chosen(
            group=self.group,
            code=self.code,
            document_id=None if self.document_id is None else DocumentId(self.document_id),
            tenant_id=None if self.tenant_id is None else TenantId(self.tenant_id),
            since=in_utc(self.since),
            state="waiting",
        )


class RedriveRefused(msgspec.Struct, frozen=True, kw_only=True):
    """A dead letter that was not redriven, and why."""

    dead_letter_id: UUID
    code: str
    message: str


class RedriveResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a request to redrive several."""

    redriven: list[UUID]
    refused: list[RedriveRefused]
    #: Pass it as `after` to go on, where `has_more`.
    last_id: UUID | None
    has_more: bool

    @classmethod
    def of(cls, result: Redriven) -> "RedriveResult":
        """Return the result as it is shown."""
        return cls(
            redriven=list(result.redriven),
            refused=[
                RedriveRefused(
                    dead_letter_id=one.dead_letter_id,
                    code=one.error.code,
                    message=one.error.message,
                )
                for one in result.refused
            ],
            last_id=result.last_id,
            has_more=result.has_more,
        )


def in_utc(since: datetime | None) -> datetime | None:
    """Return a moment of a filter in UTC, which it is in where it names no zone."""
    if since is None or since.tzinfo is None:
        return None if since is None else since.replace(tzinfo=UTC)
    try:
        return since.astimezone(UTC)
    except OverflowError as error:
        raise InvalidRequest("No calendar has this time in UTC.", field="since") from error


def _fields(letter: DeadLetter) -> dict[str, Any]:
    return {
        "dead_letter_id": letter.dead_letter_id,
        "group": letter.consumer_group,
        "state": letter.state,
        "code": letter.code,
        "reason": letter.reason,
        "tenant_id": letter.tenant_id,
        "document_id": letter.document_id,
        "attempts": letter.attempts,
        "redrives": letter.redrives,
        "first_failure": letter.first_failure,
        "last_failure": letter.last_failure,
        "worker_version": letter.worker_version,
        "settled_at": letter.settled_at,
    }


def _event(letter: DeadLetter) -> dict[str, Any] | None:
    """Return the event as plain values; what documents say is not for operators to read."""
    event = event_of(letter.consumer_group, letter.value)
    if event is None:
        return None
    shown: dict[str, Any] = msgspec.to_builtins(event)
    if isinstance(event, DocumentEvent):
        for chunk in shown.get("chunks", ()):
            del chunk["text"]
    return shown
