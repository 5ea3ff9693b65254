"""The relay's view of the outbox: tenants take turns, and order per topic and key is kept."""
# ruff: noqa: S608 - statements are put together from constants, never from values

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from contracts.ids import DocumentId, JobId, TenantId
from runtime.postgres import Connection


def _tenants(name: str, kind: str) -> str:
    """The tenants that have rows of one kind.

    It steps from tenant to tenant through an index: the cost grows with the tenants, not with the
    rows that wait.
    """
    return f"""{name} (tenant_id) AS (
    (SELECT tenant_id FROM outbox WHERE published_at IS NULL AND {kind} ORDER BY tenant_id LIMIT 1)
  UNION ALL
    SELECT (SELECT waiting.tenant_id FROM outbox waiting
            WHERE waiting.published_at IS NULL AND waiting.{kind}
              AND waiting.tenant_id > {name}.tenant_id
            ORDER BY waiting.tenant_id LIMIT 1)
    FROM {name} WHERE {name}.tenant_id IS NOT NULL
)"""


_WITH_TENANTS = f"""
WITH RECURSIVE
{_tenants("event_tenant", "job_id IS NULL")},
{_tenants("document_tenant", "job_id IS NOT NULL")}"""


def _free(kept: str = "0") -> str:
    """How many more documents each tenant may have under way ($1 is the most, ``kept`` is lost)."""
    return f"""
free AS (
    SELECT tenant_id, greatest(0, $1 - {kept} - (
        SELECT count(*) FROM jobs
        WHERE jobs.tenant_id = document_tenant.tenant_id
          AND published_at IS NOT NULL AND finished_at IS NULL)) AS places
    FROM document_tenant WHERE tenant_id IS NOT NULL
)"""


# Documents that are not to be taken now keep their places: they may be in Kafka already.
_KEPT = """(
        SELECT count(*) FROM outbox
        WHERE published_at IS NULL AND job_id IS NOT NULL
          AND outbox.tenant_id = document_tenant.tenant_id AND key = ANY($3))"""

# The next rows to publish, at most $2, without those of the keys $3.
#
# A tenant's documents come as far as it has places for them. Its events are never held back, except
# behind a document of the same topic and key that is. Both are taken from their beginning and cut
# at the same length, so nothing overtakes an earlier row of its key. Then tenants take turns.
WAITING = f"""{_WITH_TENANTS},{_free(_KEPT)},
share AS (
    SELECT greatest(20, $2 / greatest(1, count(*)))::integer AS rows FROM (
        SELECT tenant_id FROM event_tenant UNION SELECT tenant_id FROM document_tenant) tenant
),
document AS (
    SELECT picked.*
    FROM free CROSS JOIN share CROSS JOIN LATERAL (
        SELECT outbox_id, tenant_id FROM outbox
        WHERE published_at IS NULL AND job_id IS NOT NULL AND outbox.tenant_id = free.tenant_id
          AND key <> ALL($3)
        ORDER BY outbox_id
        LIMIT least(share.rows, free.places)) picked
),
taken AS (
    SELECT tenant_id, max(outbox_id) AS up_to FROM document GROUP BY tenant_id
),
event AS (
    SELECT picked.*
    FROM event_tenant LEFT JOIN taken USING (tenant_id) CROSS JOIN share CROSS JOIN LATERAL (
        SELECT outbox_id, tenant_id FROM outbox
        WHERE published_at IS NULL AND job_id IS NULL
          AND outbox.tenant_id = event_tenant.tenant_id AND key <> ALL($3)
          AND outbox_id < coalesce(
              (SELECT min(held.outbox_id) FROM outbox held
               WHERE held.published_at IS NULL AND held.job_id IS NOT NULL
                 AND held.key = outbox.key AND held.topic = outbox.topic
                 AND held.outbox_id > coalesce(taken.up_to, 0)), 9223372036854775807)
        ORDER BY outbox_id
        LIMIT share.rows) picked
),
turn AS (
    SELECT outbox_id, row_number() OVER (PARTITION BY tenant_id ORDER BY outbox_id) AS number
    FROM (SELECT * FROM document UNION ALL SELECT * FROM event) picked
),
next AS MATERIALIZED (
    SELECT outbox_id, number FROM turn CROSS JOIN share
    WHERE number <= share.rows
    ORDER BY number, outbox_id
    LIMIT $2
)
SELECT outbox_id, tenant_id, topic, key, headers, value, job_id
FROM next JOIN outbox USING (outbox_id)
ORDER BY number, outbox_id
"""

# A tenant's rows are read in their order and only as far as needed, not collected and sorted: the
# planner cannot know how few are wanted.
IN_ORDER = "SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off"

# They are in Kafka.
MARK_PUBLISHED = "UPDATE outbox SET published_at = now() WHERE outbox_id = ANY($1)"
# Their documents are under way, until their jobs are finished.
MARK_JOBS = "UPDATE jobs SET published_at = now() WHERE job_id = ANY($1) AND published_at IS NULL"

# Which versions of these documents are the newest, and whether they are deleted.
FENCES = """
SELECT document_id, version, deleted_at IS NOT NULL AS is_deleted
FROM documents WHERE document_id = ANY($1)
"""

# How much waits, how much of it for its tenant's turn, and for how long.
BACKLOG = f"""{_WITH_TENANTS},{_free()},
held AS (
    SELECT greatest(0, (
        SELECT count(*) FROM outbox
        WHERE published_at IS NULL AND job_id IS NOT NULL AND outbox.tenant_id = free.tenant_id
    ) - places) AS rows
    FROM free
)
SELECT count(*) AS waiting,
       (SELECT coalesce(sum(rows), 0)::bigint FROM held) AS held_back,
       coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8 AS oldest_seconds
FROM outbox
WHERE published_at IS NULL
"""

# What was published is kept for a while, to look into.
PURGE = "DELETE FROM outbox WHERE published_at < now() - make_interval(secs => $1)"


@dataclass(frozen=True, kw_only=True, slots=True)
class OutboxRow:
    """A record that is to be published."""

    outbox_id: int
    tenant_id: TenantId
    topic: str
    key: str
    headers: dict[str, str]
    #: None is a tombstone.
    value: bytes | None
    job_id: JobId | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Backlog:
    """What the outbox holds; ``held_back`` of it waits for a place of its tenant."""

    waiting: int
    held_back: int
    #: Age of the oldest row; 0 when there is none.
    oldest_seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Fence:
    """What a document's row says of all that is still on its way."""

    version: int
    is_deleted: bool

    @property
    def newest(self) -> int | None:
        """The version that counts, None when the document is deleted."""
        return None if self.is_deleted else self.version


class Relay:
    """The outboxes of all tenants, for the one process that publishes them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def waiting(
        self, *, limit: int, tenant_in_flight: int, without: Collection[str] = ()
    ) -> list[OutboxRow]:
        """Return the next rows, in the order in which to publish them.

        Tenants take turns; none has more than ``tenant_in_flight`` documents under way; rows of
        the same topic and key come in their order, and none without those before it. The keys
        ``without`` are left out; their documents count as under way.
        """
        await self._connection.run(IN_ORDER)
        rows = await self._connection.rows(WAITING, tenant_in_flight, limit, list(without))
        return [OutboxRow(**row) for row in rows]

    async def mark_published(self, rows: Sequence[OutboxRow]) -> None:
        """Note that these rows are in Kafka."""
        await self._connection.change(MARK_PUBLISHED, [row.outbox_id for row in rows])
        jobs = [row.job_id for row in rows if row.job_id is not None]
        await self._connection.change(MARK_JOBS, jobs)

    async def fences(self, document_ids: Collection[DocumentId]) -> dict[DocumentId, Fence]:
        """Return which versions of these documents are the newest, of those that there are."""
        rows = await self._connection.rows(FENCES, list(document_ids))
        return {
            row["document_id"]: Fence(version=row["version"], is_deleted=row["is_deleted"])
            for row in rows
        }

    async def backlog(self, *, tenant_in_flight: int = 500) -> Backlog:
        """Return how much waits to be published."""
        row = await self._connection.row(BACKLOG, tenant_in_flight)
        if row is None:
            raise RuntimeError("A count returned nothing.")
        return Backlog(**row)

    async def purge(self, older_than_seconds: float) -> int:
        """Remove rows that were published longer ago; return how many."""
        return await self._connection.change(PURGE, older_than_seconds)
