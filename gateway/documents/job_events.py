"""The event stream of one job."""

from collections.abc import AsyncGenerator

import msgspec

from contracts.ids import JobId, TenantId
from gateway.documents.job_watch import JobWatch
from gateway.documents.schemas import JobShown
from gateway.refusals import NotFound
from gateway.sse import ServerEvent
from store import Store
from store.jobs import Job

FINISHED = frozenset({"indexed", "failed", "deleted"})


async def find_job(store: Store, tenant: TenantId, job_id: JobId) -> Job:
    """Return the job; ``NotFound`` when the tenant has none such."""
    async with store.tenant(tenant) as tx:
        job = await tx.jobs.get(job_id)
    if job is None:
        raise NotFound("There is no such job.")
    return job


async def job_events(
    job: Job, tenant: TenantId, *, store: Store, watch: JobWatch, last_seen: int | None
) -> AsyncGenerator[ServerEvent]:
    """Yield the job as it is and at every change, until it is finished.

    An event's id is the job's revision; what a client has seen (``last_seen``) is not repeated.
    """
    async with watch.following(job.job_id) as followed:
        seen = last_seen
        while True:
            if job.revision != seen:
                seen = job.revision
                yield _event(job)
            if job.status in FINISHED:
                return
            await followed.wait_beyond(job.revision)
            job = await find_job(store, tenant, job.job_id)


def _event(job: Job) -> ServerEvent:
    return ServerEvent("job", msgspec.json.encode(JobShown.of(job)), event_id=str(job.revision))
