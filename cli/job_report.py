"""How jobs show themselves: tables for a person, lines for a log, JSON for a script."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from typing import Protocol

from rich.live import Live
from rich.table import Table
from rich.text import Text

from cli.answers import Job, JobPage
from cli.console import out
from cli.terminal import hint, one_line, say, say_json

NAME_CHARACTERS = 48
#: Rows of the live table; a terminal shows no more without scrolling.
MOST_ROWS = 30
_STYLES = {"indexed": "green", "failed": "red", "deleted": "dim"}


class JobReport(Protocol):
    """Is told of each change of a job."""

    has_failed: bool

    def changed(self, job: Job) -> None:
        """The job is as it is now."""
        ...


class JsonLines:
    """A JSON document on a line for each change."""

    def __init__(self) -> None:
        self.has_failed = False

    def changed(self, job: Job) -> None:
        """Print the job."""
        self.has_failed |= job.status == "failed"
        say_json(job)


class Lines:
    """A line for each change."""

    def __init__(self) -> None:
        self.has_failed = False

    def changed(self, job: Job) -> None:
        """Print what changed."""
        self.has_failed |= job.status == "failed"
        say(f"{job.job_id}  {one_line(job.filename)}: {progress_of(job)}")


class LiveTable:
    """The jobs that are unfinished, or ended last, as a table that changes in place."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._jobs: dict[str, Job] = {}
        self.has_failed = False

    def changed(self, job: Job) -> None:
        """Show the job as it is now."""
        self.has_failed |= job.status == "failed"
        self._jobs[job.job_id] = job
        if len(self._jobs) > MOST_ROWS:
            ended = (key for key, known in self._jobs.items() if known.is_finished)
            self._jobs.pop(next(ended, ""), None)
        self._live.update(self.renderable)

    @property
    def renderable(self) -> Table:
        """The table as it is now."""
        return _table(list(self._jobs.values())[:MOST_ROWS])


@contextmanager
def watching(*, as_json: bool) -> Generator[JobReport]:
    """Yield what fits: JSON where it is asked for, a live table on a terminal, else lines."""
    if as_json:
        yield JsonLines()
    elif not out.is_terminal:
        yield Lines()
    else:
        with Live(console=out) as live:
            yield LiveTable(live)


def print_jobs(page: JobPage) -> None:
    """Print a list: a table on a terminal, else a line for each job."""
    if not page.data:
        say("No such jobs.")
    elif out.is_terminal:
        out.print(_table(page.data))
    else:
        for job in page.data:
            say("\t".join((job.job_id, job.status, one_line(job.filename), progress_of(job))))
    if page.has_more:
        hint(f"There are more: --after {page.data[-1].job_id}")


def print_job(job: Job) -> None:
    """Print all that is known of one job."""
    rows = {
        "job": job.job_id,
        "document": job.document_id,
        "file": one_line(job.filename),
        "status": progress_of(job),
        "pages": _number(job.pages),
        "chunks": _number(job.chunks),
        "created": _time(job.created_at),
        "finished": _time(job.finished_at),
        "trace": job.trace_id or "-",
    }
    for stage in job.stages:
        done = f"{stage.done}/{_number(stage.total)}"
        rows[stage.name] = f"{stage.state} {done}, attempt {stage.attempts}"
    for name, value in rows.items():
        say(f"{name:9} {value}")


def progress_of(job: Job) -> str:
    """Return where the job is in a few words, or why it failed."""
    if job.error is not None:
        return f"{job.status}: {one_line(job.error.message)}"
    stage = job.running
    if stage is None or job.is_finished:
        return job.status
    return f"{job.status} {stage.done}/{_number(stage.total)}"


def _table(jobs: list[Job]) -> Table:
    table = Table("Job", "File", "Progress", "Created", box=None)
    for job in jobs:
        table.add_row(
            Text(job.job_id, overflow="fold"),
            Text(one_line(job.filename, most=NAME_CHARACTERS)),
            Text(progress_of(job), _STYLES.get(job.status, "")),
            Text(_time(job.created_at)),
        )
    return table


def _number(count: int | None) -> str:
    return "?" if count is None else str(count)


def _time(moment: datetime | None) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}" if moment else "-"
