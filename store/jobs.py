"""Jobs: how far the processing of a document is, stage by stage.

Every change counts the job's revision up, by which watchers notice it. A finished job (indexed,
failed, deleted) changes no more, except that a failed one is reopened when its record is redriven.
"""
# ruff: noqa: S608 - statements are put together from constants, never from values

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import asyncpg

from contracts.documents import JobStatus, StageName
from contracts.ids import DocumentId, JobId
from runtime.postgres import Connection

StageState = Literal["waiting", "running", "done", "failed"]

# A job as it is shown.
_SHOWN = """
SELECT job.job_id, job.document_id, job.version, job.status, job.error_code, job.error_message,
       job.revision, document.pages, progress.chunks_total AS chunks, job.trace_id,
       job.created_at, job.updated_at, job.finished_at, document.filename
FROM jobs job
JOIN documents document ON document.document_id = job.document_id
LEFT JOIN document_generations progress
       ON progress.document_id = job.document_id AND progress.version = job.version
      AND progress.generation_id = (SELECT generation_id FROM generations WHERE state = 'active')
WHERE job.tenant_id = current_tenant()
"""

# One job.
GET = f"{_SHOWN} AND job.job_id = $1"

# A page of the list, newest first, after a given job.
LIST = f"""{_SHOWN}
  AND (job.created_at, job.job_id) < (
      CASE WHEN $2::uuid IS NULL THEN 'infinity'
           ELSE (SELECT created_at FROM jobs WHERE job_id = $2) END, $2)
  AND ($3::text IS NULL OR job.status = $3)
ORDER BY job.created_at DESC, job.job_id DESC
LIMIT $1
"""

# The stages of some jobs, in the order in which they happen.
STAGES = """
SELECT job_id, name, state, done, total, started_at, finished_at, attempts
FROM job_stages
WHERE tenant_id = current_tenant() AND job_id = ANY($1)
ORDER BY job_id, array_position(ARRAY['parse', 'chunk', 'embed'], name)
"""

# A stage begins, or begins again. One that is done stays done, and the job's status with it.
START_STAGE = """
WITH job AS (
    UPDATE jobs SET status = $3, revision = revision + 1, updated_at = now()
    WHERE tenant_id = current_tenant() AND job_id = $1 AND finished_at IS NULL
      AND EXISTS (SELECT FROM job_stages stage
                  WHERE stage.job_id = jobs.job_id AND stage.name = $2
                    AND stage.state IN ('waiting', 'running'))
    RETURNING job_id
)
UPDATE job_stages stage
SET state = 'running', attempts = attempts + 1, started_at = coalesce(started_at, now())
FROM job
WHERE stage.job_id = job.job_id AND stage.name = $2
"""

# A stage is over, and the next one begins.
FINISH_STAGE = """
WITH job AS (
    UPDATE jobs SET status = $6, revision = revision + 1, updated_at = now()
    WHERE tenant_id = current_tenant() AND job_id = $1 AND finished_at IS NULL
    RETURNING job_id
), next AS (
    UPDATE job_stages stage
    SET state = 'running', started_at = coalesce(started_at, now()), attempts = attempts + 1
    FROM job
    WHERE stage.job_id = job.job_id AND stage.name = $5 AND stage.state = 'waiting'
)
UPDATE job_stages stage
SET state = 'done', done = $3, total = $4, finished_at = now(),
    started_at = coalesce(started_at, now())
FROM job
WHERE stage.job_id = job.job_id AND stage.name = $2
"""

# A step within a stage. Steps may arrive out of order; what was reached stays reached.
ADVANCE = """
WITH job AS (
    UPDATE jobs SET revision = revision + 1, updated_at = now()
    WHERE tenant_id = current_tenant() AND job_id = $1 AND finished_at IS NULL
    RETURNING job_id
)
UPDATE job_stages stage SET done = greatest(done, $3), total = $4
FROM job
WHERE stage.job_id = job.job_id AND stage.name = $2 AND stage.state IN ('waiting', 'running')
"""

# Everything is done, and so are all stages.
FINISH = """
WITH job AS (
    UPDATE jobs
    SET status = 'indexed', finished_at = now(), updated_at = now(), revision = revision + 1
    WHERE tenant_id = current_tenant() AND job_id = $1 AND finished_at IS NULL
    RETURNING job_id
)
UPDATE job_stages stage
SET state = 'done', started_at = coalesce(started_at, now()), finished_at = now()
FROM job
WHERE stage.job_id = job.job_id AND stage.state <> 'done'
"""

# Only one at a time ends a job: the last parts of two generations may come at once.
LOCK_OPEN = """
SELECT FROM jobs
WHERE tenant_id = current_tenant() AND job_id = $1 AND finished_at IS NULL
FOR UPDATE
"""

# Is a version in every generation that its job waits for: the active one, and the one that is about
# to be? Of the latter not where it was given up.
IS_COMPLETE = """
SELECT NOT EXISTS (
    SELECT FROM generations
    WHERE (generations.state = 'active' OR generations.promoting_at IS NOT NULL)
      AND NOT EXISTS (
          SELECT FROM document_generations progress
          WHERE progress.tenant_id = current_tenant()
            AND progress.document_id = $1 AND progress.version = $2
            AND progress.generation_id = generations.generation_id
            AND (progress.indexed_at IS NOT NULL
                 OR (progress.failed_at IS NOT NULL AND generations.state <> 'active'))))
"""

# It cannot be done: the stage that found out failed, and so did whatever was running.
FAIL = """
WITH job AS (
    UPDATE jobs
    SET status = 'failed', error_code = $3, error_message = $4,
        finished_at = now(), updated_at = now(), revision = revision + 1
    WHERE tenant_id = current_tenant() AND job_id = $1 AND finished_at IS NULL
    RETURNING job_id
), stages AS (
    UPDATE job_stages stage SET state = 'failed', finished_at = now()
    FROM job
    WHERE stage.job_id = job.job_id AND stage.state <> 'done'
      AND (stage.name = $2 OR stage.state = 'running')
)
SELECT job_id FROM job
"""

# It is tried again: what failed is running again, and so is the job. What was tried when it stood
# still before counts no more.
REOPEN = """
WITH job AS (
    UPDATE jobs
    SET status = $3, error_code = NULL, error_message = NULL, finished_at = NULL,
        reconciled = 0, reconciled_at = NULL, updated_at = now(), revision = revision + 1
    WHERE tenant_id = current_tenant() AND job_id = $1 AND status = 'failed'
    RETURNING job_id
), stages AS (
    UPDATE job_stages stage
    SET state = CASE WHEN stage.name = $2 THEN 'running' ELSE 'waiting' END, finished_at = NULL
    FROM job
    WHERE stage.job_id = job.job_id AND stage.state = 'failed'
)
SELECT job_id FROM job
"""

#: What a job is while a stage of it runs.
RUNNING: dict[StageName, JobStatus] = {
    "parse": "parsing",
    "chunk": "chunking",
    "embed": "embedding",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """A stage of a job; ``done`` of ``total`` units, pages or chunks."""

    name: StageName
    state: StageState
    done: int
    total: int | None
    started_at: datetime | None
    finished_at: datetime | None
    attempts: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """The processing of one version of a document."""

    job_id: JobId
    document_id: DocumentId
    version: int
    status: JobStatus
    error_code: str | None
    error_message: str | None
    revision: int
    stages: list[Stage]
    pages: int | None
    #: Of the active generation, once the document is chunked.
    chunks: int | None
    trace_id: str | None
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None
    #: Empty when the document was deleted.
    filename: str


class Jobs:
    """The jobs of one tenant."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def get(self, job_id: JobId) -> Job | None:
        """Return a job; None when there is none or it is another tenant's."""
        found = await self._with_stages(await self._connection.rows(GET, job_id))
        return found[0] if found else None

    async def start_stage(self, job_id: JobId, stage: StageName, *, status: JobStatus) -> None:
        """Begin a stage, or begin it again; one that is done stays done."""
        await self._connection.change(START_STAGE, job_id, stage, status)

    async def finish_stage(
        self,
        job_id: JobId,
        stage: StageName,
        *,
        done: int,
        total: int,
        next_stage: StageName | None,
        status: JobStatus,
    ) -> None:
        """End a stage and begin the next one."""
        await self._connection.change(FINISH_STAGE, job_id, stage, done, total, next_stage, status)

    async def advance(self, job_id: JobId, stage: StageName, *, done: int, total: int) -> None:
        """Note progress within a stage; it never goes back."""
        await self._connection.change(ADVANCE, job_id, stage, done, total)

    async def finish(self, job_id: JobId) -> None:
        """Note that the document is indexed, and every stage of its job done."""
        await self._connection.change(FINISH, job_id)

    async def finish_if_complete(
        self, job_id: JobId, document_id: DocumentId, version: int
    ) -> bool:
        """End the job if the document is in every generation that it waits for.

        False when it is not, or when the job had ended already.
        """
        if await self._connection.row(LOCK_OPEN, job_id) is None:
            return False
        if not await self._connection.value(IS_COMPLETE, document_id, version):
            return False
        await self.finish(job_id)
        return True

    async def fail(self, job_id: JobId, *, stage: StageName, code: str, message: str) -> bool:
        """End a job that cannot succeed; False when it had ended already."""
        return await self._connection.row(FAIL, job_id, stage, code, message) is not None

    async def reopen(self, job_id: JobId, stage: StageName) -> bool:
        """Let a failed job run again, from this stage; False when it has not failed."""
        return await self._connection.row(REOPEN, job_id, stage, RUNNING[stage]) is not None

    async def _with_stages(self, rows: "list[asyncpg.Record]") -> "list[Job]":
        stages: dict[JobId, list[Stage]] = {row["job_id"]: [] for row in rows}
        for row in await self._connection.rows(STAGES, stages.keys()):
            columns = dict(row)
            stages[columns.pop("job_id")].append(Stage(**columns))
        return [Job(**row, stages=stages[row["job_id"]]) for row in rows]

    async def list(
        self, *, limit: int, after: JobId | None = None, status: JobStatus | None = None
    ) -> list[Job]:
        """Return at most ``limit`` jobs, newest first, from the one that follows ``after``."""
        return await self._with_stages(await self._connection.rows(LIST, limit, after, status))
