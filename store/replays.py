"""Replays: what operators let the workers read again, and how far that is."""
# ruff: noqa: S608 - statements are put together from constants, never from values

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import asyncpg

from runtime.postgres import Connection

ReplayKind = Literal["group", "selective", "rebuild"]
ReplayState = Literal["running", "done", "failed"]

#: Topic, partition (as text), and its first offset and end.
Ranges = dict[str, dict[str, tuple[int, int]]]
#: Topic, partition (as text), and the next offset.
Positions = dict[str, dict[str, int]]

_COLUMNS = """replay_id, kind, consumer_group, chosen, ranges, positions, state, records, published,
problem, created_at, finished_at"""

CREATE = """
INSERT INTO replays (replay_id, kind, consumer_group, chosen, ranges, records)
VALUES ($1, $2, $3, $4, $5, $6)
"""
GET = f"SELECT {_COLUMNS} FROM replays WHERE replay_id = $1"
NEWEST = f"SELECT {_COLUMNS} FROM replays ORDER BY created_at DESC, replay_id LIMIT $1"
RUNNING = f"""
SELECT {_COLUMNS} FROM replays WHERE state = 'running' AND kind <> 'group'
ORDER BY created_at, replay_id
"""
OF_GROUP = f"""
SELECT {_COLUMNS} FROM replays WHERE consumer_group = $1 AND kind = 'group' AND state <> 'failed'
ORDER BY created_at DESC, replay_id
"""
NOTE = """
UPDATE replays SET positions = $2, records = records + $3, published = published + $4
WHERE replay_id = $1
"""
FINISH = """
UPDATE replays SET state = $2, problem = $3, finished_at = now()
WHERE replay_id = $1 AND state = 'running'
"""

# Documents a second, in the fastest minute of the last week.
FASTEST = """
SELECT (max(documents) / 60.0)::float8
FROM (SELECT count(*) AS documents FROM document_generations
      WHERE indexed_at > now() - interval '7 days'
      GROUP BY date_trunc('minute', indexed_at)) minute
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Replay:
    """Records that a group reads again."""

    replay_id: str
    kind: ReplayKind
    consumer_group: str
    #: since, until, tenant_id, document_id, as texts, where they were said.
    chosen: dict[str, str]
    ranges: Ranges
    positions: Positions
    state: ReplayState
    records: int
    published: int
    problem: str | None
    created_at: datetime
    finished_at: datetime | None


class Replays:
    """The replays of the installation."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def create(
        self,
        replay_id: str,
        kind: ReplayKind,
        group: str,
        *,
        chosen: Mapping[str, str],
        ranges: Mapping[str, Mapping[str, tuple[int, int]]],
    ) -> None:
        """Begin a replay; of a whole group's, all records are read again."""
        records = sum(max(0, end - first) for one in ranges.values() for first, end in one.values())
        counted = records if kind == "group" else 0
        await self._connection.change(CREATE, replay_id, kind, group, chosen, ranges, counted)

    async def get(self, replay_id: str) -> Replay | None:
        """Return a replay."""
        row = await self._connection.row(GET, replay_id)
        return None if row is None else _replay(row)

    async def newest(self, *, limit: int) -> list[Replay]:
        """Return the newest replays, newest first."""
        return [_replay(row) for row in await self._connection.rows(NEWEST, limit)]

    async def running(self) -> list[Replay]:
        """Return those that the leading process works on, oldest first."""
        return [_replay(row) for row in await self._connection.rows(RUNNING)]

    async def of_group(self, group: str) -> list[Replay]:
        """Return the replays of a whole group, the newest first."""
        return [_replay(row) for row in await self._connection.rows(OF_GROUP, group)]

    async def note(
        self, replay_id: str, positions: Positions, *, records: int, published: int
    ) -> None:
        """Note how far a replay is, and how much more it has read and published."""
        await self._connection.change(NOTE, replay_id, positions, records, published)

    async def finish(self, replay_id: str, *, problem: str | None = None) -> None:
        """End a replay; with a problem it failed."""
        state: ReplayState = "done" if problem is None else "failed"
        await self._connection.change(FINISH, replay_id, state, problem)

    async def fastest(self) -> float | None:
        """Return how many documents a second came in, at the fastest of the last week."""
        found: float | None = await self._connection.value(FASTEST)
        return found


def _replay(row: asyncpg.Record) -> Replay:
    return Replay(**row)
