"""Follows many jobs with few requests: a list tells of a hundred at once."""

import asyncio
from collections.abc import AsyncIterator

from cli.answers import Job, JobPage, read_as
from cli.client import Api

PAGE = 100
#: Seconds between two looks, at least; and for each request of the last look.
PAUSE = 1.0
PAUSE_PER_REQUEST = 0.5
#: Jobs that the list's first pages do not show are asked for one by one, so many in a look.
MOST_SINGLE = 8


class Follower:
    """Tells of the changes of the jobs that it was given, until each is finished."""

    def __init__(self, api: Api, *, adopts: bool = False) -> None:
        self._api = api
        #: Whether it follows the unfinished jobs that it comes across, too.
        self._adopts = adopts
        #: The revision that was told of each unfinished job; oldest first.
        self._known: dict[str, int] = {}

    def __len__(self) -> int:
        """Return how many jobs are unfinished."""
        return len(self._known)

    def add(self, job_id: str) -> None:
        """Follow this job, too."""
        self._known.setdefault(job_id, -1)

    async def changes(self) -> AsyncIterator[Job]:
        """Look once, yield the jobs that changed, then wait as long as the look deserves."""
        requests = 0
        unseen = set(self._known)
        async for page in self._pages():
            requests += 1
            for job in page:
                unseen.discard(job.job_id)
                if self._is_news(job):
                    yield job
        for job_id in [job_id for job_id in self._known if job_id in unseen][:MOST_SINGLE]:
            requests += 1
            job = read_as(Job, await self._api.get(f"/api/v2/jobs/{job_id}"))
            if self._is_news(job):
                yield job
        await asyncio.sleep(max(PAUSE, PAUSE_PER_REQUEST * requests))

    async def _pages(self) -> AsyncIterator[list[Job]]:
        """Yield as many pages of the list as the followed jobs could fill, newest first."""
        waiting, after = set(self._known), None
        for _ in range(len(waiting) // PAGE + 1):
            content = await self._api.get("/api/v2/jobs", limit=PAGE, after=after)
            page = read_as(JobPage, content)
            yield page.data
            waiting -= {job.job_id for job in page.data}
            if not waiting or not page.has_more:
                return
            after = page.data[-1].job_id

    def _is_news(self, job: Job) -> bool:
        if self._adopts and not job.is_finished:
            self.add(job.job_id)
        known = self._known.get(job.job_id)
        if known is None or known == job.revision:
            return False
        if job.is_finished:
            del self._known[job.job_id]
        else:
            self._known[job.job_id] = job.revision
        return True
