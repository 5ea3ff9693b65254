"""Uploads files, some at a time, and follows their jobs meanwhile."""

import asyncio
from collections.abc import Iterable
from functools import partial
from http import HTTPStatus
from pathlib import Path
from uuid import uuid4

from cli.answers import Failure, Job, Uploaded
from cli.client import Api
from cli.counted_file import open_counted
from cli.failures import ApiProblem, BrokenOff
from cli.following import Follower
from cli.ingest_outcome import Outcome, State
from cli.ingest_report import Report

#: Uploads at the same time.
MOST_UPLOADS = 8
#: These would be the answer to every other file, too.
HOPELESS = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


class Ingestion:
    """Uploads files, some at a time, and follows their jobs meanwhile."""

    def __init__(self, api: Api, report: Report, *, form: dict[str, str], wait: bool) -> None:
        self._api = api
        self._report = report
        self._form = form
        self._wait = wait
        self._follower = Follower(api)
        #: The uploads of each unfinished job; two equal files have one.
        self._followed: dict[str, list[tuple[Path, Uploaded]]] = {}
        self._news = asyncio.Event()
        self._uploads_left = 0
        self.outcomes: list[Outcome] = []

    def note_unreadable(self, paths: Iterable[tuple[Path, str]]) -> None:
        """Count what could not even be looked at as failures."""
        for path, reason in paths:
            self._fail(path, "unreadable", f"It cannot be read: {reason}.")

    async def run(self, files: list[Path]) -> None:
        """Bring every file to its end; raises what would end every further upload, too."""
        waiting = iter(files)
        self._uploads_left = len(files)
        async with asyncio.TaskGroup() as group:
            for _ in range(MOST_UPLOADS):
                group.create_task(self._upload_all(waiting))
            group.create_task(self._follow_all())

    async def _upload_all(self, waiting: Iterable[Path]) -> None:
        for path in waiting:
            await self._upload(path)
            self._uploads_left -= 1
            self._news.set()

    async def _upload(self, path: Path) -> None:
        try:
            uploaded = await self._api.upload(
                partial(open_counted, path, partial(self._report.sent, path)),
                path.name.encode(errors="replace").decode(),
                form=self._form,
                key=uuid4().hex,
            )
        except ApiProblem as problem:
            if problem.status in HOPELESS:
                raise
            self._fail(path, problem.code, str(problem))
        except BrokenOff as failure:
            self._fail(path, "connection_broke", str(failure))
        except OSError as error:
            self._fail(path, "unreadable", f"It cannot be read: {error.strerror}.")
        else:
            self._accept(path, uploaded)

    def _accept(self, path: Path, uploaded: Uploaded) -> None:
        if uploaded.deduplicated and (uploaded.status == "indexed" or not self._wait):
            self._end(path, State.already_there, uploaded)
        elif not self._wait:
            self._end(path, State.accepted, uploaded)
        else:
            self._followed.setdefault(uploaded.job_id, []).append((path, uploaded))
            self._follower.add(uploaded.job_id)

    async def _follow_all(self) -> None:
        while self._uploads_left or len(self._follower):
            if not len(self._follower):
                self._news.clear()
                await self._news.wait()
                continue
            async for job in self._follower.changes():
                self._note(job)

    def _note(self, job: Job) -> None:
        uploads = self._followed.get(job.job_id, [])
        for path, uploaded in uploads:
            if not job.is_finished:
                self._report.working(path, job)
            elif job.status == "indexed":
                state = State.already_there if uploaded.deduplicated else State.indexed
                self._end(path, state, uploaded, job)
            else:
                failure = job.error or Failure(
                    code="deleted", message="The document was deleted meanwhile."
                )
                self._fail(path, failure.code, failure.message, uploaded)
        if job.is_finished:
            self._followed.pop(job.job_id, None)

    def _fail(self, path: Path, code: str, message: str, uploaded: Uploaded | None = None) -> None:
        self._add(
            Outcome(
                path=path,
                state=State.failed,
                document_id=uploaded.document_id if uploaded else None,
                job_id=uploaded.job_id if uploaded else None,
                error=Failure(code=code, message=message),
            )
        )

    def _end(self, path: Path, state: State, uploaded: Uploaded, job: Job | None = None) -> None:
        self._add(
            Outcome(
                path=path,
                state=state,
                document_id=uploaded.document_id,
                job_id=uploaded.job_id,
                pages=job.pages if job else None,
                chunks=job.chunks if job else None,
            )
        )

    def _add(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self._report.ended(outcome)
