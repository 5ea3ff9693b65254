"""Building, promoting and dropping generations: what operators order, and how far it is.

The steps of a generation: created → topic ready → joined (live uploads go into it, too) → built
(everything before that is in) → promoting (a job ends when it is in this one, too) → active →
retired → dropped → its table is gone. Each step is a time in its row.
"""
# ruff: noqa: S608 - statements are put together from constants, never from values

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from contracts.ids import TenantId
from runtime.postgres import Connection
from store.generations import GenerationState

#: Offsets that are waited for: topic, partition (as text), and the end that was there.
Marks = dict[str, dict[str, int]]

_COLUMNS = """generation_id, strategy, embedding_model, dimensions, state, max_rate, token_budget,
paused_at, topic_ready_at, joined_at, built_at, promote_asked_at, accept_missing, promoting_at,
activated_at, retired_at, dropped_at, table_dropped_at, marks, problem, created_at"""

ALL = f"SELECT {_COLUMNS} FROM generations ORDER BY generation_id"
GET = f"SELECT {_COLUMNS} FROM generations WHERE generation_id = $1"

# Those that something is to be done about.
UNFINISHED = f"""
SELECT {_COLUMNS} FROM generations
WHERE state = 'building' OR promote_asked_at IS NOT NULL
   OR (state = 'dropped' AND table_dropped_at IS NULL)
ORDER BY generation_id
"""

# A generation with its table; the function belongs to the owner of the tables.
CREATE = "SELECT create_generation($1, $2, $3)"
LIMIT_BUILD = "UPDATE generations SET max_rate = $2, token_budget = $3 WHERE generation_id = $1"

PAUSE = """
UPDATE generations SET paused_at = coalesce(paused_at, now())
WHERE generation_id = $1 AND state = 'building' AND built_at IS NULL
"""
RESUME = """
UPDATE generations
SET paused_at = NULL, max_rate = coalesce($2, max_rate), token_budget = coalesce($3, token_budget)
WHERE generation_id = $1 AND state = 'building' AND built_at IS NULL
"""
TOPIC_READY = """
UPDATE generations SET topic_ready_at = now() WHERE generation_id = $1 AND topic_ready_at IS NULL
"""
JOIN = "UPDATE generations SET joined_at = now() WHERE generation_id = $1 AND joined_at IS NULL"
MARK = "UPDATE generations SET marks = $2 WHERE generation_id = $1"
BUILT = """
UPDATE generations SET built_at = now(), marks = NULL
WHERE generation_id = $1 AND state = 'building' AND built_at IS NULL
"""
ASK_PROMOTION = """
UPDATE generations
SET promote_asked_at = coalesce(promote_asked_at, now()), accept_missing = $2, problem = NULL
WHERE generation_id = $1 AND state IN ('building', 'retired')
"""
BEGIN_PROMOTION = "UPDATE generations SET promoting_at = now() WHERE generation_id = $1"
END_PROMOTION = """
UPDATE generations
SET promote_asked_at = NULL, promoting_at = NULL, marks = NULL, problem = $2
WHERE generation_id = $1 AND state <> 'active'
"""

# The one statement: what was active is retired, and the other one is active.
ACTIVATE = """
UPDATE generations
SET state = CASE WHEN generation_id = $1 THEN 'active' ELSE 'retired' END,
    activated_at = CASE WHEN generation_id = $1 THEN now() ELSE activated_at END,
    retired_at = CASE WHEN generation_id = $1 THEN NULL ELSE now() END,
    promote_asked_at = NULL, promoting_at = NULL, marks = NULL, problem = NULL
WHERE (generation_id = $1 OR state = 'active')
  AND EXISTS (SELECT FROM generations chosen
              WHERE chosen.generation_id = $1 AND chosen.built_at IS NOT NULL
                AND chosen.state IN ('building', 'retired'))
"""

# What was active before the one that is.
PREVIOUS = f"""
SELECT {_COLUMNS} FROM generations WHERE state = 'retired' ORDER BY retired_at DESC LIMIT 1
"""

DROP = """
UPDATE generations
SET state = 'dropped', dropped_at = now(), promote_asked_at = NULL, promoting_at = NULL,
    marks = NULL
WHERE generation_id = $1 AND state IN ('building', 'retired')
"""
# Dropped long enough ago that nobody reads it any more; questions that began before are over.
MAY_DROP_TABLE = """
SELECT FROM generations
WHERE generation_id = $1 AND state = 'dropped' AND table_dropped_at IS NULL
  AND dropped_at < now() - make_interval(secs => $2)
  AND NOT EXISTS (SELECT FROM turns WHERE state IN ('waiting', 'answering')
                  AND created_at < generations.dropped_at)
"""
DROP_TABLE = "SELECT drop_generation_table($1)"
HAS_TENANT = "SELECT FROM tenants WHERE tenant_id = $1"
TENANTS = "SELECT tenant_id FROM tenants ORDER BY tenant_id"

# How full a generation is, of the documents that have been parsed.
PROGRESS = """
SELECT (SELECT count(*) FROM documents WHERE deleted_at IS NULL AND artefact_key IS NOT NULL)
           AS documents_total,
       count(*) FILTER (WHERE indexed_at IS NOT NULL) AS documents,
       count(*) FILTER (WHERE failed_at IS NOT NULL AND indexed_at IS NULL) AS failed,
       coalesce(sum(chunks_done), 0)::bigint AS chunks,
       coalesce(sum(embedding_tokens), 0)::bigint AS tokens,
       count(*) FILTER (WHERE indexed_at > now() - interval '60 seconds') AS last_minute
FROM document_generations progress
WHERE generation_id = $1
  AND EXISTS (SELECT FROM documents document
              WHERE document.document_id = progress.document_id
                AND document.version = progress.version AND document.deleted_at IS NULL)
"""

# Documents that are in the active generation and not in this one; how many of them failed in it.
MISSING = """
SELECT count(*) AS documents, count(*) FILTER (WHERE here.failed_at IS NOT NULL) AS failed
FROM document_generations there
JOIN documents document USING (document_id, version)
LEFT JOIN document_generations here
       ON here.document_id = there.document_id AND here.version = there.version
      AND here.generation_id = $1
WHERE there.generation_id = (SELECT generation_id FROM generations WHERE state = 'active')
  AND there.indexed_at IS NOT NULL AND document.deleted_at IS NULL AND here.indexed_at IS NULL
"""

# What its workers ask before each record. Live work counts while it moves.
ORDERS = """
SELECT state = 'building' AND paused_at IS NOT NULL AS paused,
       state = 'building' AND token_budget IS NOT NULL AND token_budget <= (
           SELECT coalesce(sum(embedding_tokens), 0) FROM document_generations progress
           WHERE progress.generation_id = generations.generation_id) AS budget_spent,
       max_rate,
       EXISTS (SELECT FROM jobs WHERE published_at IS NOT NULL AND finished_at IS NULL
               AND updated_at > now() - interval '10 seconds') AS live_work
FROM generations WHERE generation_id = $1
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Build:
    """A generation with its orders and steps."""

    generation_id: int
    strategy: str
    embedding_model: str
    dimensions: int
    state: GenerationState
    #: Documents a second, None for as fast as it goes.
    max_rate: float | None
    #: Most tokens that embedding may cost, None for no limit.
    token_budget: int | None
    paused_at: datetime | None
    topic_ready_at: datetime | None
    joined_at: datetime | None
    built_at: datetime | None
    promote_asked_at: datetime | None
    accept_missing: bool
    promoting_at: datetime | None
    activated_at: datetime | None
    retired_at: datetime | None
    dropped_at: datetime | None
    table_dropped_at: datetime | None
    marks: Marks | None
    problem: str | None
    created_at: datetime

    @property
    def has_workers(self) -> bool:
        """Whether workers of its own are to fill it."""
        return (
            self.state == "building" and self.built_at is None and self.topic_ready_at is not None
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildProgress:
    """How full a generation is; of documents that are parsed and not deleted."""

    documents_total: int
    documents: int
    failed: int
    chunks: int
    tokens: int
    #: Documents that came in during the last 60 seconds.
    last_minute: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Missing:
    """Documents of the active generation that another lacks."""

    documents: int
    #: Of these, given up in the other one.
    failed: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Orders:
    """What a build's workers are to do now."""

    paused: bool
    budget_spent: bool
    max_rate: float | None
    #: A live upload is on its way.
    live_work: bool


class Builds:
    """The generations of the installation, for operators and for the process that leads."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def create(
        self,
        *,
        strategy: str,
        embedding_model: str,
        dimensions: int,
        max_rate: float | None = None,
        token_budget: int | None = None,
    ) -> int:
        """Make a generation with its table and return its number.

        ``StoreUnavailable`` where the table of documents could not be locked for a moment.
        """
        made: int = await self._connection.value(CREATE, strategy, embedding_model, dimensions)
        await self._connection.change(LIMIT_BUILD, made, max_rate, token_budget)
        return made

    async def all(self) -> list[Build]:
        """Return every generation there ever was, oldest first."""
        return [Build(**row) for row in await self._connection.rows(ALL)]

    async def get(self, generation_id: int) -> Build | None:
        """Return a generation."""
        return _build(await self._connection.row(GET, generation_id))

    async def unfinished(self) -> list[Build]:
        """Return those that the leading process has something to do about."""
        return [Build(**row) for row in await self._connection.rows(UNFINISHED)]

    async def previous(self) -> Build | None:
        """Return the generation that was active before the one that is."""
        return _build(await self._connection.row(PREVIOUS))

    async def pause(self, generation_id: int) -> bool:
        """Let the workers of a build wait; False when it is not being built."""
        return await self._done(PAUSE, generation_id)

    async def resume(
        self, generation_id: int, *, max_rate: float | None, token_budget: int | None
    ) -> bool:
        """Let them go on, with other limits where these are given; False as for ``pause``."""
        return await self._done(RESUME, generation_id, max_rate, token_budget)

    async def note_topic_ready(self, generation_id: int) -> None:
        """Note that the topic of a build exists."""
        await self._connection.change(TOPIC_READY, generation_id)

    async def join(self, generation_id: int) -> None:
        """Let live uploads go into a generation, too; those that come from now on."""
        await self._connection.change(JOIN, generation_id)

    async def mark(self, generation_id: int, marks: Mapping[str, Mapping[str, int]]) -> None:
        """Note the offsets that are waited for."""
        await self._connection.change(MARK, generation_id, marks)

    async def note_built(self, generation_id: int) -> None:
        """Note that everything before its joining is in; its workers end."""
        await self._connection.change(BUILT, generation_id)

    async def ask_promotion(self, generation_id: int, *, accept_missing: bool) -> bool:
        """Ask for a promotion; False when it is active or dropped."""
        return await self._done(ASK_PROMOTION, generation_id, accept_missing)

    async def begin_promotion(self, generation_id: int) -> None:
        """Let jobs end only when their document is in this generation, too."""
        await self._connection.change(BEGIN_PROMOTION, generation_id)

    async def end_promotion(self, generation_id: int, *, problem: str | None) -> None:
        """Ask for it no longer, and say why; the generation stays as it is."""
        await self._connection.change(END_PROMOTION, generation_id, problem)

    async def activate(self, generation_id: int) -> bool:
        """Answer questions from this generation; False when it is not complete, or active."""
        return await self._connection.change(ACTIVATE, generation_id) > 0

    async def drop(self, generation_id: int) -> bool:
        """Feed and read it no more; False when it is active, or dropped already."""
        return await self._done(DROP, generation_id)

    async def may_drop_table(self, generation_id: int, *, after_seconds: float) -> bool:
        """Say whether everybody who may read a dropped generation has left it."""
        found = await self._connection.row(MAY_DROP_TABLE, generation_id, after_seconds)
        return found is not None

    async def drop_table(self, generation_id: int) -> bool:
        """Remove the table of a dropped generation; False when it is gone."""
        return bool(await self._connection.value(DROP_TABLE, generation_id))

    async def tenants(self) -> list[TenantId]:
        """Return every tenant, each of which may have something in a generation."""
        return [row["tenant_id"] for row in await self._connection.rows(TENANTS)]

    async def has_tenant(self, tenant_id: TenantId) -> bool:
        """Say whether there is such a tenant."""
        return await self._connection.row(HAS_TENANT, tenant_id) is not None

    async def progress(self, generation_id: int) -> BuildProgress:
        """Return how full a generation is."""
        return BuildProgress(**await self._one(PROGRESS, generation_id))

    async def missing(self, generation_id: int) -> Missing:
        """Return how many documents the active generation has and this one has not."""
        return Missing(**await self._one(MISSING, generation_id))

    async def orders(self, generation_id: int) -> Orders | None:
        """Return what a build's workers are to do now, None when there is no such build."""
        row = await self._connection.row(ORDERS, generation_id)
        return None if row is None else Orders(**row)

    async def _done(self, statement: str, *values: object) -> bool:
        return await self._connection.change(statement, *values) == 1

    async def _one(self, statement: str, generation_id: int) -> asyncpg.Record:
        row = await self._connection.row(statement, generation_id)
        if row is None:
            raise RuntimeError("A count returned nothing.")
        return row


def _build(row: asyncpg.Record | None) -> Build | None:
    return None if row is None else Build(**row)
