from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import Progress

from cli.answers import Failure, Job
from cli.ingest_outcome import Outcome, State, summary_line, summary_sentence
from cli.ingest_report import MOST_ROWS, Bars, Lines, outcome_line


@pytest.fixture
def progress() -> Progress:
    return Progress(console=Console(file=StringIO(), force_terminal=True, width=100))


def outcome(state: State, name: str = "a.pdf", error: Failure | None = None) -> Outcome:
    return Outcome(path=Path(name), state=state, error=error)


def test_counts_the_bytes_of_a_file_once_when_it_is_sent_again(progress: Progress) -> None:
    bars = Bars(progress, files=1, size=4000)

    for position in (1000, 3000, 0, 1000, 4000):
        bars.sent(Path("a.pdf"), position, 4000)

    assert progress.tasks[0].completed == 4000
    assert progress.tasks[0].finished
    assert progress.tasks[0].fields["said"] == "4.0 kB of 4.0 kB"
    assert progress.tasks[2].fields["said"] == "sent"


def test_shows_the_stage_of_a_document_until_it_has_ended(progress: Progress) -> None:
    bars = Bars(progress, files=1, size=1)
    job = Job(
        job_id="j",
        document_id="d",
        status="embedding",
        stages=(),
    )

    bars.working(Path("a.pdf"), job)
    assert progress.tasks[2].fields["said"] == "embedding"

    bars.ended(outcome(State.indexed))
    assert len(progress.tasks) == 2
    assert progress.tasks[1].finished


def test_shows_as_many_documents_as_a_terminal_has_room_for(progress: Progress) -> None:
    bars = Bars(progress, files=100, size=100)

    for number in range(100):
        bars.sent(Path(f"{number}.pdf"), 1, 1)

    assert len(progress.tasks) == 2 + MOST_ROWS


def test_leaves_a_failure_as_a_line(progress: Progress) -> None:
    failure = Failure(code="empty_document", message="The file has\nno text.")

    Bars(progress, files=1, size=1).ended(outcome(State.failed, error=failure))

    written = progress.console.file
    assert isinstance(written, StringIO)
    assert "failed: a.pdf: The file has no text." in written.getvalue()


def test_says_how_many_files_ended_how() -> None:
    outcomes = [outcome(State.indexed), outcome(State.indexed), outcome(State.failed)]

    assert summary_sentence(outcomes, 3) == (
        "2 indexed, 1 failed. 3 of another kind skipped (--all sends them)."
    )
    assert summary_sentence([], 0) == "Nothing to do."
    assert summary_line(outcomes, 3) == {
        "type": "summary",
        "indexed": 2,
        "already_there": 0,
        "accepted": 0,
        "failed": 1,
        "skipped": 3,
    }


def test_says_what_a_document_has() -> None:
    indexed = Outcome(path=Path("a.pdf"), state=State.indexed, pages=2, chunks=8)

    assert outcome_line(indexed) == "indexed: a.pdf (2 pages, 8 chunks)"


def test_says_once_why_many_uploads_wait(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines()

    for seconds in (0.5, 1.0, 2.0, 4.0):
        lines.waiting(seconds, "Nothing answers.")
    lines.ended(outcome(State.indexed))
    lines.waiting(3.0, "Nothing answers.")

    assert capsys.readouterr().err == (
        "Waiting 1 s: Nothing answers.\nWaiting 3 s: Nothing answers.\n"
    )
