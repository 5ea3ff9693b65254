"""Dead letters as the API tells of them, and how they show themselves."""

from datetime import datetime
from typing import Any

import msgspec
from rich.table import Table
from rich.text import Text

from cli.console import out
from cli.terminal import hint, one_line, say

REASON_CHARACTERS = 60
_STYLES = {"waiting": "yellow", "redriven": "green", "discarded": "dim"}


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A record that a worker gave up."""

    dead_letter_id: str
    group: str
    state: str
    code: str
    reason: str
    attempts: int
    redrives: int
    last_failure: datetime
    document_id: str | None = None
    tenant_id: str | None = None


class LetterPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some dead letters of a list, newest first."""

    data: list[Letter]
    has_more: bool


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a record is in Kafka."""

    topic: str | None
    partition: int | None
    offset: int | None


class LetterDetails(Letter, frozen=True, kw_only=True):
    """A dead letter with its record."""

    kept: Place
    origin: Place
    size: int
    worker_version: str
    first_failure: datetime
    key: str | None = None
    headers: dict[str, str] = {}
    event: dict[str, Any] | None = None


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A dead letter that was not redriven, and why."""

    dead_letter_id: str
    code: str
    message: str


class RedriveResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a request to redrive several."""

    redriven: list[str] = []
    refused: list[Refused] = []
    last_id: str | None = None
    has_more: bool = False


def print_letters(page: LetterPage) -> None:
    """Print a list: a table on a terminal, else a line for each."""
    if not page.data:
        say("No such dead letters.")
    elif out.is_terminal:
        out.print(_table(page.data))
    else:
        for letter in page.data:
            say("\t".join(_cells(letter)))
    if page.has_more:
        hint(f"There are more: --after {page.data[-1].dead_letter_id}")


def print_letter(letter: LetterDetails) -> None:
    """Print all that is known of one; its event on the last line."""
    rows = {
        "dead letter": letter.dead_letter_id,
        "worker": f"{letter.group} {letter.worker_version}",
        "state": letter.state,
        "reason": f"{letter.code}: {letter.reason}",
        "attempts": f"{letter.attempts}, redriven {letter.redrives} times before",
        "failed": f"{_time(letter.first_failure)} to {_time(letter.last_failure)}",
        "tenant": letter.tenant_id or "-",
        "document": letter.document_id or "-",
        "origin": _place(letter.origin),
        "kept in": _place(letter.kept),
        "key": letter.key or "-",
        "size": f"{letter.size} bytes",
    }
    for name, value in rows.items():
        say(f"{name:12} {one_line(value)}")
    for name, value in letter.headers.items():
        say(f"{'header':12} {one_line(f'{name}: {value}')}")
    event = "cannot be decoded" if letter.event is None else _json(letter.event)
    say(f"{'event':12} {one_line(event)}")


def print_redriven(result: RedriveResult) -> None:
    """Print what was redriven, and why others were not."""
    for one in result.refused:
        say(f"{one.dead_letter_id}: {one_line(one.message)}")
    say(f"{len(result.redriven)} redriven, {len(result.refused)} refused.")


def _table(letters: list[Letter]) -> Table:
    table = Table(
        "Dead letter", "Worker", "State", "Code", "Document", "Failed", "Reason", box=None
    )
    for letter in letters:
        *cells, reason = _cells(letter)
        styled = [Text(cell, _STYLES.get(cell, ""), overflow="fold") for cell in cells]
        table.add_row(*styled, Text(one_line(reason, most=REASON_CHARACTERS)))
    return table


def _cells(letter: Letter) -> tuple[str, ...]:
    return (
        letter.dead_letter_id,
        letter.group,
        letter.state,
        letter.code,
        letter.document_id or "-",
        _time(letter.last_failure),
        one_line(letter.reason),
    )


def _place(place: Place) -> str:
    if place.topic is None:
        return "unknown"
    return f"{place.topic}, partition {place.partition}, offset {place.offset}"


def _time(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"


def _json(event: dict[str, Any]) -> str:
    return msgspec.json.encode(event).decode()
