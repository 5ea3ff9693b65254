from io import StringIO

import pytest
from rich.console import Console
from rich.live import Live

from cli.answers import Failure, Job, Stage
from cli.job_report import MOST_ROWS, LiveTable, progress_of


def job(number: int, status: str, error: Failure | None = None) -> Job:
    return Job(
        job_id=f"job-{number:03}",
        document_id="d",
        status=status,
        filename=f"{number}.pdf",
        stages=(Stage(name="embed", state="running", done=3, total=8),),
        error=error,
    )


@pytest.mark.parametrize(
    ("shown", "progress"),
    [
        (job(1, "embedding"), "embedding 3/8"),
        (job(1, "indexed"), "indexed"),
        (job(1, "failed", Failure(code="c", message="No\ntext.")), "failed: No text."),
    ],
)
def test_says_where_a_job_is(shown: Job, progress: str) -> None:
    assert progress_of(shown) == progress


def test_the_live_table_drops_what_has_ended_when_it_is_full() -> None:
    console = Console(file=StringIO(), force_terminal=True, width=100, height=100)
    table = LiveTable(Live(console=console))
    for number in range(MOST_ROWS):
        table.changed(job(number, "indexed" if number == 5 else "embedding"))

    table.changed(job(MOST_ROWS, "parsing"))

    with console.capture() as capture:
        console.print(table.renderable)
    text = capture.get()
    assert "job-005" not in text
    assert f"job-{MOST_ROWS:03}" in text
    assert not table.has_failed


def test_the_live_table_notes_a_failure() -> None:
    table = LiveTable(Live(console=Console(file=StringIO())))

    table.changed(job(1, "failed"))

    assert table.has_failed
