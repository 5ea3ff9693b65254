"""Jobs and turns that stand still: finding them among all tenants, and taking one up.

A job stands still when it is handed to Kafka, not finished, and nothing changed for a while.
"""
# ruff: noqa: S608 - statements are put together from constants, never from values

from dataclasses import dataclass
from datetime import datetime

from contracts.documents import JobStatus
from contracts.ids import DocumentId, JobId, TenantId, TurnId
from runtime.postgres import Connection

# Since when nothing has changed: the waiting for its tenant's turn does not count.
_UNMOVED_SINCE = "greatest(job.updated_at, job.published_at)"
_UNMOVED = f"""
FROM jobs job
WHERE job.published_at IS NOT NULL AND job.finished_at IS NULL
  AND {_UNMOVED_SINCE} < now() - make_interval(secs => $1)
"""

# Those of them that nothing was done about lately, the oldest first. A document that still waits
# in the outbox is about to move.
STALLED_JOBS = f"""
SELECT job.tenant_id, job.job_id, job.document_id, job.version, job.status, job.reconciled,
       job.created_at, job.updated_at
{_UNMOVED}
  AND (job.reconciled_at IS NULL OR job.reconciled_at < now() - make_interval(secs => $1))
  AND NOT EXISTS (SELECT FROM outbox
                  WHERE outbox.tenant_id = job.tenant_id AND outbox.published_at IS NULL
                    AND outbox.key = job.document_id::text)
ORDER BY {_UNMOVED_SINCE}
LIMIT $2
"""

# All that stand still, whatever was done about them.
UNMOVED_JOBS = f"""
SELECT count(*) AS jobs,
       coalesce(extract(epoch FROM now() - min({_UNMOVED_SINCE})), 0)::float8 AS oldest_seconds,
       (array_agg(job.job_id ORDER BY {_UNMOVED_SINCE}))[1] AS oldest
{_UNMOVED}
"""

# Questions that nobody answers, the oldest first. A question and its record are written at one
# moment; while a record of its tenant as old waits in the outbox, it may be this one's.
STALLED_TURNS = """
SELECT tenant_id, turn_id FROM turns
WHERE state IN ('waiting', 'answering')
  AND created_at < clock_timestamp() - make_interval(secs => $1)
  AND (lease_until IS NULL OR lease_until < clock_timestamp() - make_interval(secs => $1))
  AND NOT EXISTS (SELECT FROM outbox
                  WHERE outbox.tenant_id = turns.tenant_id AND outbox.published_at IS NULL
                    AND outbox.job_id IS NULL AND outbox.topic = 'chat.requested.v1'
                    AND outbox.created_at <= turns.created_at)
ORDER BY created_at
LIMIT $2
"""

# Take a job up, unless it has moved or ended since it was looked at, or another took it.
TAKE = """
UPDATE jobs SET reconciled = reconciled + 1, reconciled_at = now()
WHERE tenant_id = current_tenant() AND job_id = $1 AND finished_at IS NULL
  AND updated_at = $2 AND reconciled = $3
"""

# Are all parts of a version in?
IS_INDEXED = """
SELECT FROM document_generations
WHERE tenant_id = current_tenant() AND document_id = $1 AND version = $2
  AND generation_id = (SELECT generation_id FROM generations WHERE state = 'active')
  AND indexed_at IS NOT NULL
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class StalledJob:
    """A job that stands still, as it was when it was looked at."""

    tenant_id: TenantId
    job_id: JobId
    document_id: DocumentId
    version: int
    status: JobStatus
    #: How often something was done about it before.
    reconciled: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class UnmovedJobs:
    """How many jobs stand still, and which has done so for longest."""

    jobs: int
    #: 0 when there is none.
    oldest_seconds: float
    oldest: JobId | None


class Reconciling:
    """What stands still, of all tenants."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def stalled_jobs(self, *, after_seconds: float, limit: int) -> list[StalledJob]:
        """Return jobs that stand still and were not taken up for so long, the oldest first."""
        rows = await self._connection.rows(STALLED_JOBS, after_seconds, limit)
        return [StalledJob(**row) for row in rows]

    async def unmoved_jobs(self, *, after_seconds: float) -> UnmovedJobs:
        """Return how many jobs stand still, those that were taken up included."""
        row = await self._connection.row(UNMOVED_JOBS, after_seconds)
        if row is None:
            raise RuntimeError("A count returned nothing.")
        return UnmovedJobs(**row)

    async def stalled_turns(
        self, *, after_seconds: float, limit: int
    ) -> list[tuple[TenantId, TurnId]]:
        """Return turns that nobody has answered or held for so long, the oldest first."""
        rows = await self._connection.rows(STALLED_TURNS, after_seconds, limit)
        return [(row["tenant_id"], row["turn_id"]) for row in rows]


class StalledJobs:
    """The jobs of one tenant that stand still."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def take(self, job: StalledJob) -> bool:
        """Count that something is done about a job; False when it has moved or ended meanwhile."""
        return await self._connection.change(TAKE, job.job_id, job.updated_at, job.reconciled) == 1

    async def is_indexed(self, document_id: DocumentId, version: int) -> bool:
        """Say whether every part of a version is in the active generation."""
        return await self._connection.row(IS_INDEXED, document_id, version) is not None
