"""One look at the database for all the jobs that this process's clients follow."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import structlog

from contracts.errors import Retryable
from contracts.ids import JobId
from store import Store

log = structlog.get_logger(__name__)

#: A change is seen within this many seconds.
INTERVAL_SECONDS = 0.25
#: After the database failed to answer.
PAUSE_SECONDS = 2.0


class Followed:
    """A job that somebody follows, and the newest revision seen of it."""

    def __init__(self) -> None:
        self.followers = 0
        self._revision = 0
        self._changed = asyncio.Condition()

    async def wait_beyond(self, revision: int) -> None:
        """Return when the job has a later revision than this."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._revision > revision)

    async def saw(self, revision: int) -> None:
        """Wake who waits for this revision or an earlier one."""
        if revision > self._revision:
            async with self._changed:
                self._revision = revision
                self._changed.notify_all()


class JobWatch:
    """Polls the revisions of the followed jobs, while there are any, with one query for all."""

    def __init__(self, store: Store, *, interval: float = INTERVAL_SECONDS) -> None:
        self._store = store
        self._interval = interval
        self._followed: dict[JobId, Followed] = {}
        self._poller: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def following(self, job: JobId) -> AsyncGenerator[Followed]:
        """Watch a job; leave the block when nobody reads any more."""
        followed = self._followed.setdefault(job, Followed())
        followed.followers += 1
        if self._poller is None or self._poller.done():
            self._poller = asyncio.create_task(self._poll(), name="job-watch")
        try:
            yield followed
        finally:
            followed.followers -= 1
            if followed.followers == 0:
                self._followed.pop(job, None)

    async def stop(self) -> None:
        """Stop polling."""
        if self._poller is not None:
            self._poller.cancel()
            await asyncio.gather(self._poller, return_exceptions=True)

    async def _poll(self) -> None:
        while self._followed:
            try:
                await self._look()
                await asyncio.sleep(self._interval)
            except Retryable as error:
                log.warning("job_watch_paused", reason=error.message)
                await asyncio.sleep(PAUSE_SECONDS)

    async def _look(self) -> None:
        async with self._store.system() as tx:
            revisions = await tx.watch.jobs(list(self._followed))
        for job, revision in revisions.items():
            if followed := self._followed.get(job):
                await followed.saw(revision)
