"""What operators get told about replays, and send."""

from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from gateway.replays.choosing import Choice
from gateway.replays.service import Plan
from store.replays import Replay, ReplayKind, ReplayState

#: First offset and end.
Bounds = Annotated[list[int], Meta(min_length=2, max_length=2)]


class WantedReplay(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be read again; times are UTC where no zone is said.

    With `since` alone it is the whole group, whose workers must be stopped.
    """

    group: Literal["parser", "chunker", "embedder"]
    since: datetime
    until: datetime | None = None
    tenant_id: UUID | None = None
    document_id: UUID | None = None

    def choice(self) -> Choice:
        """Return what is meant."""
        return Choice(
            group=self.group,
            since=_in_utc(self.since),
            until=None if self.until is None else _in_utc(self.until),
            tenant_id=self.tenant_id,
            document_id=self.document_id,
        )


class PlannedReplay(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay would do; nothing was changed."""

    kind: ReplayKind
    topic: str
    #: First offset and end of each partition.
    ranges: dict[str, Bounds]
    records: int
    #: False where the counting took too long: then it is more.
    is_complete: bool
    #: Workers of the group that run; a whole group is only reset without.
    members: int
    #: At the rate of the fastest minute of the last week; null where nothing is known.
    seconds: float | None

    @classmethod
    def of(cls, plan: Plan) -> "PlannedReplay":
        """Return a plan as it is shown."""
        return cls(
            kind=plan.kind,
            topic=plan.topic,
            ranges={number: list(bounds) for number, bounds in plan.ranges.items()},
            records=plan.records,
            is_complete=plan.is_complete,
            members=plan.members,
            seconds=plan.seconds,
        )


class ReplayShown(msgspec.Struct, frozen=True, kw_only=True):
    """A replay, and how far it is handed to the workers."""

    replay_id: str
    kind: ReplayKind
    group: str
    #: since, until, tenant_id, document_id, where they were said.
    chosen: dict[str, str]
    state: ReplayState
    #: Read so far, and of these handed to the workers again.
    records: int
    published: int
    problem: str | None
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, replay: Replay) -> "ReplayShown":
        """Return a replay as it is shown."""
        return cls(
            replay_id=replay.replay_id,
            kind=replay.kind,
            group=replay.consumer_group,
            chosen=replay.chosen,
            state=replay.state,
            records=replay.records,
            published=replay.published,
            problem=replay.problem,
            created_at=replay.created_at,
            finished_at=replay.finished_at,
        )


class ReplayList(msgspec.Struct, frozen=True, kw_only=True):
    """The newest replays, newest first."""

    data: list[ReplayShown]


def _in_utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
