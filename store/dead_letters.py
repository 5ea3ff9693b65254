"""Dead letters: what the workers gave up, copied from Kafka, until it is redriven or discarded.

Operators alone see them, because they hold the text of all tenants.
"""
# ruff: noqa: S608 - statements are put together from constants, never from values

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import asyncpg

from contracts.ids import DocumentId, TenantId
from runtime.postgres import Connection

DeadLetterState = Literal["waiting", "redriven", "discarded"]

#: Kafka keeps them for as long, too.
KEPT_DAYS = 90

# Of a deleted document nothing is kept: whoever deletes it is waited for here.
LOCK_DOCUMENT = """
SELECT deleted_at IS NOT NULL FROM documents WHERE document_id = $1 FOR SHARE
"""
# The same record again changes nothing.
COPY = """
INSERT INTO dead_letters (dead_letter_id, topic, partition, record_offset, recorded_at,
    origin_topic, origin_partition, origin_offset, consumer_group, key, value, headers, code,
    reason, attempts, first_failure, last_failure, worker_version, tenant_id, document_id, redrives,
    version, generation)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
    $21, $22, $23)
ON CONFLICT DO NOTHING
"""

_SHOWN = """
SELECT dead_letter_id, topic, partition, record_offset, recorded_at, origin_topic,
       origin_partition, origin_offset, consumer_group, key, value, headers, code, reason, attempts,
       first_failure, last_failure, worker_version, redrives, tenant_id, document_id, version,
       generation, state, copied_at, settled_at
FROM dead_letters
"""
_CHOSEN = """
WHERE ($3::text IS NULL OR consumer_group = $3)
  AND ($4::text IS NULL OR code = $4)
  AND ($5::uuid IS NULL OR document_id = $5)
  AND ($6::uuid IS NULL OR tenant_id = $6)
  AND ($7::timestamptz IS NULL OR recorded_at >= $7)
  AND ($8::text IS NULL OR state = $8)
"""

# One dead letter.
GET = f"{_SHOWN} WHERE dead_letter_id = $1"

# A page of the list, newest first, after a given one.
NEWEST = f"""{_SHOWN}{_CHOSEN}
  AND (recorded_at, dead_letter_id) < (
      CASE WHEN $2::uuid IS NULL THEN 'infinity'
           ELSE (SELECT recorded_at FROM dead_letters WHERE dead_letter_id = $2) END, $2)
ORDER BY recorded_at DESC, dead_letter_id DESC
LIMIT $1
"""

# The same from the oldest on, as they are redriven.
OLDEST = f"""{_SHOWN}{_CHOSEN}
  AND (recorded_at, dead_letter_id) > (
      CASE WHEN $2::uuid IS NULL THEN '-infinity'
           ELSE (SELECT recorded_at FROM dead_letters WHERE dead_letter_id = $2) END, $2)
ORDER BY recorded_at, dead_letter_id
LIMIT $1
"""

# It is redriven or discarded, unless somebody else was faster.
SETTLE = """
UPDATE dead_letters SET state = $3, settled_at = now()
WHERE dead_letter_id = $1 AND state = $2
"""

# Other records of the same work that nobody tries again; one that died twice is one by its key.
LEFT_BEHIND = """
SELECT count(DISTINCT other.key)
FROM dead_letters letter JOIN dead_letters other USING (document_id, version, generation)
WHERE letter.dead_letter_id = $1 AND other.consumer_group = letter.consumer_group
  AND other.key <> letter.key AND other.state <> 'redriven'
"""

# The first of a version's records that nobody tries again, for no generation or this one.
OF_VERSION = f"""{_SHOWN}
WHERE document_id = $1 AND version = $2 AND generation IN (0, $3) AND state = 'waiting'
ORDER BY recorded_at, dead_letter_id
LIMIT 1
"""

# How many wait, by whose and why.
WAITING = """
SELECT consumer_group, code, count(*) AS letters
FROM dead_letters WHERE state = 'waiting'
GROUP BY consumer_group, code
"""

# Kafka has forgotten them by now.
DROP_OLD = "DELETE FROM dead_letters WHERE recorded_at < now() - make_interval(days => $1)"


@dataclass(frozen=True, kw_only=True, slots=True)
class DeadRecord:
    """A record of a dead-letter topic, with what its headers and its value tell."""

    dead_letter_id: UUID
    topic: str
    partition: int
    record_offset: int
    recorded_at: datetime
    origin_topic: str | None
    origin_partition: int | None
    origin_offset: int | None
    #: Whose records these are: a worker's name.
    consumer_group: str
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    code: str
    reason: str
    attempts: int
    first_failure: datetime
    last_failure: datetime
    worker_version: str
    tenant_id: TenantId | None
    document_id: DocumentId | None
    #: How often it had been redriven before it died here.
    redrives: int
    #: Of the document, and 0 or the generation it was for; None where it cannot be told.
    version: int | None = None
    generation: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class DeadLetter(DeadRecord):
    """A copied record, and what became of it."""

    state: DeadLetterState
    copied_at: datetime
    #: When it was redriven or discarded.
    settled_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """Which dead letters are meant; what is None does not matter."""

    group: str | None = None
    code: str | None = None
    document_id: DocumentId | None = None
    tenant_id: TenantId | None = None
    #: Given up at this time or later.
    since: datetime | None = None
    state: DeadLetterState | None = None


class DeadLetters:
    """The dead letters of all tenants."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def copy(self, record: DeadRecord) -> bool:
        """Keep a record; False when it was kept before or its document is deleted."""
        if await self._connection.value(LOCK_DOCUMENT, record.document_id):
            return False
        return await self._connection.change(COPY, *_columns(record)) == 1

    async def get(self, dead_letter_id: UUID) -> DeadLetter | None:
        """Return one, None when there is none."""
        row = await self._connection.row(GET, dead_letter_id)
        return None if row is None else _dead_letter(row)

    async def newest(
        self, chosen: Chosen, *, limit: int, after: UUID | None = None
    ) -> list[DeadLetter]:
        """Return at most ``limit``, newest first, from the one that follows ``after``."""
        return await self._list(NEWEST, chosen, limit, after)

    async def oldest(
        self, chosen: Chosen, *, limit: int, after: UUID | None = None
    ) -> list[DeadLetter]:
        """Return at most ``limit``, oldest first, from the one that follows ``after``."""
        return await self._list(OLDEST, chosen, limit, after)

    async def settle(
        self, dead_letter_id: UUID, *, was: DeadLetterState, state: DeadLetterState
    ) -> bool:
        """Note what became of one; False when it is not any more as it was."""
        return await self._connection.change(SETTLE, dead_letter_id, was, state) == 1

    async def left_behind(self, dead_letter_id: UUID) -> int:
        """Return how many other records of the same job are given up and not tried again."""
        count: int = await self._connection.value(LEFT_BEHIND, dead_letter_id)
        return count

    async def of_version(
        self, document_id: DocumentId, version: int, generation: int
    ) -> DeadLetter | None:
        """Return the first that waits of a document's version, None when none does."""
        row = await self._connection.row(OF_VERSION, document_id, version, generation)
        return None if row is None else _dead_letter(row)

    async def waiting(self) -> dict[tuple[str, str], int]:
        """Return how many wait, by group and code."""
        rows = await self._connection.rows(WAITING)
        return {(row["consumer_group"], row["code"]): row["letters"] for row in rows}

    async def drop_old(self) -> int:
        """Remove those that Kafka does not keep any more either; return how many."""
        return await self._connection.change(DROP_OLD, KEPT_DAYS)

    async def _list(
        self, statement: str, chosen: Chosen, limit: int, after: UUID | None
    ) -> list[DeadLetter]:
        rows = await self._connection.rows(
            statement,
            limit,
            after,
            chosen.group,
            chosen.code,
            chosen.document_id,
            chosen.tenant_id,
            chosen.since,
            chosen.state,
        )
        return [_dead_letter(row) for row in rows]


def _columns(record: DeadRecord) -> tuple[object, ...]:
    return (
        record.dead_letter_id,
        record.topic,
        record.partition,
        record.record_offset,
        record.recorded_at,
        record.origin_topic,
        record.origin_partition,
        record.origin_offset,
        record.consumer_group,
        record.key,
        record.value,
        [(name, base64.b64encode(value).decode()) for name, value in record.headers],
        record.code,
        record.reason,
        record.attempts,
        record.first_failure,
        record.last_failure,
        record.worker_version,
        record.tenant_id,
        record.document_id,
        record.redrives,
        record.version,
        record.generation,
    )


def _dead_letter(row: asyncpg.Record) -> DeadLetter:
    columns: dict[str, Any] = dict(row)
    headers: list[tuple[str, str]] = columns.pop("headers")
    return DeadLetter(
        **columns, headers=[(name, base64.b64decode(value)) for name, value in headers]
    )
