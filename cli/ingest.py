"""``ragline ingest``: from files and folders to indexed documents."""

from pathlib import Path
from typing import Annotated

import typer

from cli.files import Found, find_files
from cli.ingest_outcome import State, summary_line, summary_sentence
from cli.ingest_report import reporting
from cli.ingestion import Ingestion
from cli.patience import Patience
from cli.running import read_settings, run
from cli.target import (
    EmailOption,
    KeyOption,
    PasswordOption,
    Target,
    UrlOption,
    choose_target,
    connected,
)
from cli.terminal import say, say_json

#: A folder may be larger than a minute's share of requests.
BUSY_SECONDS = 600.0
RECONNECTS = 5


def ingest(  # noqa: PLR0913 - a parameter for each option
    paths: Annotated[
        list[Path],
        typer.Argument(help="Files and folders; folders with all that is in them.", exists=True),
    ],
    *,
    every_kind: Annotated[
        bool, typer.Option("--all", help="Send files of every kind, not only known ones.")
    ] = False,
    wait: Annotated[
        bool, typer.Option(help="Wait until everything is indexed, or only until it is sent.")
    ] = True,
    knowledge_base: Annotated[
        str | None, typer.Option(help="The knowledge base that the documents belong to.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON document a line: files, then a summary.")
    ] = False,
    url: UrlOption = None,
    email: EmailOption = None,
    password_stdin: PasswordOption = False,
    api_key: KeyOption = None,
) -> None:
    """Upload documents and wait until they are indexed.

    What is there already is not done again: start an interrupted ingestion again to go on.

    The status is 1 when a file failed.
    """
    target = choose_target(
        read_settings(), url=url, email=email, password_stdin=password_stdin, api_key=api_key
    )
    found = find_files(paths, every_kind=every_kind)
    form = {} if knowledge_base is None else {"knowledge_base": knowledge_base}
    run(_ingest(target, found, form=form, wait=wait, as_json=as_json))


async def _ingest(
    target: Target, found: Found, *, form: dict[str, str], wait: bool, as_json: bool
) -> int:
    with reporting(as_json=as_json, files=len(found.files), size=found.size) as report:
        patience = Patience(busy_seconds=BUSY_SECONDS, reconnects=RECONNECTS, told=report.waiting)
        async with connected(target, patience=patience) as api:
            await api.log_in()
            ingestion = Ingestion(api, report, form=form, wait=wait)
            ingestion.note_unreadable(found.unreadable)
            await ingestion.run(found.files)
    outcomes = ingestion.outcomes
    if as_json:
        say_json(summary_line(outcomes, found.skipped))
    else:
        say(summary_sentence(outcomes, found.skipped))
    return int(any(outcome.state is State.failed for outcome in outcomes))
