"""How an ingestion shows itself: bars for a person, lines for a log, JSON for a script."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from rich.filesize import decimal
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from cli.answers import Job
from cli.console import err, out
from cli.ingest_outcome import Outcome, State
from cli.job_report import progress_of
from cli.terminal import one_line, printable, say, say_json

#: Documents that are shown at the same time, and characters of their names.
MOST_ROWS = 12
NAME_CHARACTERS = 40
#: Shorter waits are not worth a line.
LEAST_SAID_SECONDS = 1.0

_VERBS = {
    State.indexed: "indexed",
    State.already_there: "already there",
    State.accepted: "accepted",
    State.failed: "failed",
}


class Report(Protocol):
    """Is told what happens."""

    def sent(self, path: Path, position: int, size: int) -> None:
        """So many bytes of a file are on their way."""
        ...

    def working(self, path: Path, job: Job) -> None:
        """A document is being processed."""
        ...

    def ended(self, outcome: Outcome) -> None:
        """A file is done with."""
        ...

    def waiting(self, seconds: float, why: str) -> None:
        """The server asked to wait, or has to be found again."""
        ...


class Lines:
    """A line for each file, for logs and pipes."""

    def __init__(self) -> None:
        self._waits = Waits()

    def sent(self, path: Path, position: int, size: int) -> None:
        """Say nothing: it is not done yet."""

    def working(self, path: Path, job: Job) -> None:
        """Say nothing: it is not done yet."""

    def ended(self, outcome: Outcome) -> None:
        """Print how the file ended."""
        self._waits.are_over()
        say(outcome_line(outcome))

    def waiting(self, seconds: float, why: str) -> None:
        """Print that it takes longer, and why."""
        if self._waits.is_news(seconds, why):
            err.print(f"Waiting {seconds:.0f} s: {printable(why)}", markup=False, soft_wrap=True)


class JsonLines:
    """A JSON document on a line for each file."""

    def sent(self, path: Path, position: int, size: int) -> None:
        """Say nothing: scripts read results."""

    def working(self, path: Path, job: Job) -> None:
        """Say nothing: scripts read results."""

    def ended(self, outcome: Outcome) -> None:
        """Print how the file ended."""
        say_json(outcome.as_line())

    def waiting(self, seconds: float, why: str) -> None:
        """Say nothing: standard output is for results."""


class Bars:
    """Two bars for the whole, and one for each document at work."""

    def __init__(self, progress: Progress, *, files: int, size: int) -> None:
        self._progress = progress
        self._files = files
        self._size = size
        self._sent = 0
        self._ended = 0
        self._uploading = progress.add_task("Uploaded", total=size, said="")
        self._indexing = progress.add_task("Done", total=files, said="")
        self._rows: dict[Path, TaskID] = {}
        self._positions: dict[Path, int] = {}
        self._waits = Waits()

    def sent(self, path: Path, position: int, size: int) -> None:
        """Move the file's bar, and that of all bytes."""
        # A file that is sent again begins anew, and the bar goes back by what is to be repeated.
        self._sent += position - self._positions.get(path, 0)
        self._positions[path] = position
        said = f"{decimal(self._sent)} of {decimal(self._size)}"
        self._progress.update(self._uploading, completed=self._sent, said=said)
        self._show(path, "uploading" if position < size else "sent", position, size)

    def working(self, path: Path, job: Job) -> None:
        """Show the stage that the document is in."""
        stage = job.running
        done, total = (stage.done, stage.total) if stage else (0, None)
        self._show(path, progress_of(job), done, total)

    def ended(self, outcome: Outcome) -> None:
        """Take the document's bar away; a failure stays as a line above."""
        self._waits.are_over()
        row = self._rows.pop(outcome.path, None)
        if row is not None:
            self._progress.remove_task(row)
        self._ended += 1
        said = f"{self._ended} of {self._files}"
        self._progress.update(self._indexing, completed=self._ended, said=said)
        if outcome.state is State.failed:
            self._progress.console.print(
                outcome_line(outcome), style="red", markup=False, soft_wrap=True
            )

    def waiting(self, seconds: float, why: str) -> None:
        """Show that it takes longer, and why."""
        if self._waits.is_news(seconds, why):
            line = f"Waiting {seconds:.0f} s: {printable(why)}"
            self._progress.console.print(line, style="dim", markup=False, soft_wrap=True)

    def _show(self, path: Path, said: str, done: int, total: int | None) -> None:
        if path not in self._rows:
            if len(self._rows) >= MOST_ROWS:
                return
            name = one_line(path.name, most=NAME_CHARACTERS)
            self._rows[path] = self._progress.add_task(f"  {name}", said=said, total=None)
        self._progress.update(self._rows[path], said=said, completed=done, total=total)


class Waits:
    """Which waiting is worth a line: many uploads at once wait for the same reason."""

    def __init__(self) -> None:
        self._said: str | None = None

    def is_news(self, seconds: float, why: str) -> bool:
        """Return whether this reason was not said since something went on."""
        if seconds < LEAST_SAID_SECONDS or why == self._said:
            return False
        self._said = why
        return True

    def are_over(self) -> None:
        """Note that something went on."""
        self._said = None


@contextmanager
def reporting(*, as_json: bool, files: int, size: int) -> Generator[Report]:
    """Yield what fits: JSON where it is asked for, bars on a terminal, else lines."""
    if as_json:
        yield JsonLines()
    elif not out.is_terminal:
        yield Lines()
    else:
        with Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[said]}", markup=False),
            console=out,
            transient=True,
        ) as progress:
            yield Bars(progress, files=files, size=size)


def outcome_line(outcome: Outcome) -> str:
    """Return one line that says how a file ended, and why where it failed."""
    line = f"{_VERBS[outcome.state]}: {one_line(str(outcome.path))}"
    if outcome.error is not None:
        return f"{line}: {one_line(outcome.error.message)}"
    if outcome.state is State.indexed and outcome.chunks is not None:
        return f"{line} ({outcome.pages} pages, {outcome.chunks} chunks)"
    return line
