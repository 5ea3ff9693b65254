"""`/api/v2/jobs`: how far the processing of an upload is, once or as it changes."""

from typing import Annotated
from uuid import UUID

from litestar import Controller, Response, get
from litestar.params import FromPath, HeaderParameter, QueryParameter
from litestar.response import Stream
from litestar.status_codes import HTTP_204_NO_CONTENT

from contracts.documents import JobStatus
from contracts.ids import JobId
from gateway.auth.guards import may_read
from gateway.dependencies import Given
from gateway.documents.job_events import FINISHED, find_job, job_events
from gateway.documents.job_watch import JobWatch
from gateway.documents.schemas import JobPage, JobShown
from gateway.paging import DEFAULT_LIMIT, After, Limit
from gateway.principal import Principal
from gateway.problems import documented
from gateway.sse import EventStreams
from store import Store

#: An id is a job's revision; anything else is from another stream and does not count.
MAX_ID_DIGITS = 18


class JobsController(Controller):
    """Shows jobs."""

    path = "/api/v2/jobs"
    tags = ("jobs",)
    guards = (may_read,)

    @get(
        operation_id="listJobs",
        summary="List jobs",
        responses=documented(400, 401, 403, 422),
    )
    async def list_jobs(
        self,
        principal: Given[Principal],
        store: Given[Store],
        limit: Limit = DEFAULT_LIMIT,
        after: After = None,
        status: Annotated[
            JobStatus | None, QueryParameter(name="status", description="Only jobs in this status.")
        ] = None,
    ) -> JobPage:
        """Return the tenant's jobs, newest first."""
        async with store.tenant(principal.tenant_id) as tx:
            rows = await tx.jobs.list(
                limit=limit + 1, after=JobId(after) if after else None, status=status
            )
        return JobPage.of(rows, limit, JobShown.of)

    @get(
        "/{job_id:uuid}",
        operation_id="getJob",
        summary="Read a job",
        responses=documented(401, 403, 404),
    )
    async def read(
        self, job_id: FromPath[UUID], principal: Given[Principal], store: Given[Store]
    ) -> JobShown:
        """Return how far a job is, stage by stage, or why it failed."""
        return JobShown.of(await find_job(store, principal.tenant_id, JobId(job_id)))

    @get(
        "/{job_id:uuid}/events",
        operation_id="followJob",
        summary="Follow a job",
        media_type="text/event-stream",
        responses=documented(401, 403, 404),
    )
    async def events(
        self,
        job_id: FromPath[UUID],
        principal: Given[Principal],
        store: Given[Store],
        job_watch: Given[JobWatch],
        streams: Given[EventStreams],
        last_event_id: Annotated[
            str | None,
            HeaderParameter(name="Last-Event-ID", description="Go on after this event."),
        ] = None,
    ) -> Stream | Response[None]:
        """Send the job as `job` events, now and at every change, until it is finished.

        A client that has seen the end gets 204, which tells browsers to stop coming back.
        """
        job = await find_job(store, principal.tenant_id, JobId(job_id))
        last_seen = _revision(last_event_id)
        if job.status in FINISHED and last_seen == job.revision:
            return Response(None, status_code=HTTP_204_NO_CONTENT)
        events = job_events(
            job, principal.tenant_id, store=store, watch=job_watch, last_seen=last_seen
        )
        return streams.respond("job", events)


def _revision(event_id: str | None) -> int | None:
    if event_id and event_id.isascii() and event_id.isdigit() and len(event_id) <= MAX_ID_DIGITS:
        return int(event_id)
    return None
