"""What workers say of themselves: whom they ask, and what went wrong last."""

from dataclasses import dataclass
from datetime import datetime

from contracts.topics import WorkerName
from runtime.postgres import Connection

# A process has started; what an earlier one said of errors stays.
STARTED = """
INSERT INTO worker_reports (worker, provider, model, started_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (worker) DO UPDATE
SET provider = excluded.provider, model = excluded.model, started_at = excluded.started_at
"""

# The last error counts, whoever reports it first.
FAILED = """
UPDATE worker_reports SET error_code = $2, error_message = $3, error_at = $4
WHERE worker = $1 AND (error_at IS NULL OR error_at <= $4)
"""

ALL = """
SELECT worker, provider, model, started_at, error_code, error_message, error_at
FROM worker_reports
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerReport:
    """A worker in its own words; nothing of any tenant is in it."""

    worker: WorkerName
    #: Whom the process that started last asks for its work; None for nobody.
    provider: str | None
    model: str | None
    started_at: datetime
    error_code: str | None
    error_message: str | None
    error_at: datetime | None


class WorkerReports:
    """The reports of all workers."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def started(
        self, worker: WorkerName, *, provider: str | None, model: str | None, at: datetime
    ) -> None:
        """Say that a process has started, and whom it asks."""
        await self._connection.change(STARTED, worker, provider, model, at)

    async def failed(self, worker: WorkerName, *, code: str, message: str, at: datetime) -> None:
        """Say what went wrong; a worker that never started has no report to say it in."""
        await self._connection.change(FAILED, worker, code, message, at)

    async def all(self) -> dict[WorkerName, WorkerReport]:
        """Return the report of each worker that ever started."""
        rows = await self._connection.rows(ALL)
        return {row["worker"]: WorkerReport(**row) for row in rows}
