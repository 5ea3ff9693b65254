"""Watching: what changed, of many tenants' jobs and turns at once."""

from collections.abc import Collection

from contracts.ids import JobId, TurnId
from runtime.postgres import Connection
from store.turns import TurnState

JOBS = "SELECT job_id, revision FROM jobs WHERE job_id = ANY($1)"
# Cancelled is a turn when whoever answered has kept what was said; until then it is answered.
TURNS = """
SELECT turn_id, attempt,
       CASE WHEN state = 'cancelled' AND lease_until > clock_timestamp() THEN 'answering'
            ELSE state END AS state
FROM turns WHERE turn_id = ANY($1)
"""


class Watch:
    """Sees that something changed, and nothing of what it is; the tenant's own view says that."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def jobs(self, job_ids: Collection[JobId]) -> dict[JobId, int]:
        """Return the revisions of those jobs that exist."""
        rows = await self._connection.rows(JOBS, list(job_ids))
        return {row["job_id"]: row["revision"] for row in rows}

    async def turns(self, turn_ids: Collection[TurnId]) -> dict[TurnId, tuple[TurnState, int]]:
        """Return the states and attempts of those turns that exist."""
        rows = await self._connection.rows(TURNS, list(turn_ids))
        return {row["turn_id"]: (row["state"], row["attempt"]) for row in rows}
