"""``ragline jobs``: how far the processing of uploads is."""

import asyncio
from typing import Annotated
from uuid import UUID

import typer

from cli.answers import Job, JobPage, read_as
from cli.client import Api
from cli.following import PAGE, Follower
from cli.job_report import JobReport, print_job, print_jobs, watching
from cli.running import read_settings, run
from cli.sse import ServerEvent
from cli.streams import resumed
from cli.target import (
    EmailOption,
    KeyOption,
    PasswordOption,
    Target,
    UrlOption,
    choose_target,
    connected,
)
from cli.terminal import say_json
from contracts.documents import JobStatus

app = typer.Typer(help="See how far the processing of uploads is.", no_args_is_help=True)

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
UNFINISHED: tuple[JobStatus, ...] = ("accepted", "parsing", "chunking", "embedding")


@app.command("list")
def list_jobs(  # noqa: PLR0913 - a parameter for each option
    *,
    limit: Annotated[int, typer.Option(help="Most jobs.", min=1, max=PAGE)] = 20,
    after: Annotated[
        UUID | None, typer.Option(help="Only jobs older than this one.", metavar="JOB_ID")
    ] = None,
    status: Annotated[JobStatus | None, typer.Option(help="Only jobs in this status.")] = None,
    as_json: JsonOption = False,
    url: UrlOption = None,
    email: EmailOption = None,
    password_stdin: PasswordOption = False,
    api_key: KeyOption = None,
) -> None:
    """List jobs, newest first."""
    target = choose_target(
        read_settings(), url=url, email=email, password_stdin=password_stdin, api_key=api_key
    )
    query = {"limit": limit, "after": str(after) if after else None, "status": status}
    run(_list(target, query, as_json=as_json))


async def _list(target: Target, query: dict[str, str | int | None], *, as_json: bool) -> int:
    async with connected(target) as api:
        content = await api.get("/api/v2/jobs", **query)
    if as_json:
        say_json(content)
    else:
        print_jobs(read_as(JobPage, content))
    return 0


@app.command("show")
def show_job(
    job_id: Annotated[UUID, typer.Argument(help="The job.")],
    *,
    as_json: JsonOption = False,
    url: UrlOption = None,
    email: EmailOption = None,
    password_stdin: PasswordOption = False,
    api_key: KeyOption = None,
) -> None:
    """Show one job: its stages, and why it failed where it did."""
    target = choose_target(
        read_settings(), url=url, email=email, password_stdin=password_stdin, api_key=api_key
    )
    run(_show(target, job_id, as_json=as_json))


async def _show(target: Target, job_id: UUID, *, as_json: bool) -> int:
    async with connected(target) as api:
        content = await api.get(f"/api/v2/jobs/{job_id}")
    if as_json:
        say_json(content)
    else:
        print_job(read_as(Job, content))
    return 0


@app.command("watch")
def watch_jobs(
    job_ids: Annotated[
        list[UUID] | None, typer.Argument(help="Jobs; default all that are unfinished.")
    ] = None,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the job as a JSON document a line, each change.")
    ] = False,
    url: UrlOption = None,
    email: EmailOption = None,
    password_stdin: PasswordOption = False,
    api_key: KeyOption = None,
) -> None:
    """Watch jobs until all of them have ended; the status is 1 when one failed."""
    target = choose_target(
        read_settings(), url=url, email=email, password_stdin=password_stdin, api_key=api_key
    )
    run(_watch(target, job_ids or [], as_json=as_json))


async def _watch(target: Target, job_ids: list[UUID], *, as_json: bool) -> int:
    with watching(as_json=as_json) as report:
        async with connected(target) as api:
            if job_ids:
                async with asyncio.TaskGroup() as group:
                    for job_id in dict.fromkeys(job_ids):
                        group.create_task(_watch_one(api, job_id, report))
            else:
                await _watch_unfinished(api, report)
    return int(report.has_failed)


async def _watch_one(api: Api, job_id: UUID, report: JobReport) -> None:
    path = f"/api/v2/jobs/{job_id}/events"
    async for event in resumed(api, path, is_last=_is_last):
        if event.name == "job":
            report.changed(read_as(Job, event.data))


def _is_last(event: ServerEvent) -> bool:
    return event.name == "job" and read_as(Job, event.data).is_finished


async def _watch_unfinished(api: Api, report: JobReport) -> None:
    follower = Follower(api, adopts=True)
    for status in UNFINISHED:
        page = read_as(JobPage, await api.get("/api/v2/jobs", limit=PAGE, status=status))
        for job in reversed(page.data):
            follower.add(job.job_id)
    while len(follower):
        async for job in follower.changes():
            report.changed(job)
