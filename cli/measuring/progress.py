"""How far an evaluation is, for a person; results alone go to standard output."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from cli.answers import Job
from cli.console import err
from cli.ingest_outcome import Outcome, State
from cli.ingest_report import Waits, outcome_line
from cli.terminal import printable


class Steps:
    """Bars on a terminal: documents, then questions. Failures and waits are lines everywhere."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._documents: TaskID | None = None
        self._questions: TaskID | None = None
        self._waits = Waits()

    def expect(self, questions: int) -> None:
        """Show how many questions there are."""
        self._questions = self._progress.add_task("Questions", total=questions)

    def asked(self, done: int) -> None:
        """Show how many questions are done."""
        self._waits.are_over()
        if self._questions is not None:
            self._progress.update(self._questions, completed=done)

    def sent(self, path: Path, position: int, size: int) -> None:
        """Say nothing: documents are counted when they are indexed."""

    def working(self, path: Path, job: Job) -> None:
        """Say nothing: documents are counted when they are indexed."""

    def ended(self, outcome: Outcome) -> None:
        """Count a document; a failure is a line."""
        self._waits.are_over()
        if self._documents is None:
            self._documents = self._progress.add_task("Documents", total=None)
        self._progress.advance(self._documents)
        if outcome.state is State.failed:
            self.say(outcome_line(outcome))

    def waiting(self, seconds: float, why: str) -> None:
        """Print that it takes longer, and why."""
        if self._waits.is_news(seconds, why):
            self.say(f"Waiting {seconds:.0f} s: {printable(why)}")

    def say(self, line: str) -> None:
        """Print a line above the bars."""
        self._progress.console.print(line, style="dim", markup=False, soft_wrap=True)


@contextmanager
def showing_steps() -> Generator[Steps]:
    """Yield what is told how far it is; bars go away at the end."""
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    ) as progress:
        yield Steps(progress)
