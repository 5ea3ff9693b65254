"""``ragline usage``: what the tenant has used, by day."""

from datetime import date, datetime
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from cli.answers import read_as
from cli.console import out
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

_FORMATS = ["%Y-%m-%d"]

#: Column and field of what is shown.
_COLUMNS = {
    "documents": "documents",
    "pages": "pages",
    "tokens embedded": "embedding_tokens",
    "questions": "questions",
    "tokens read": "input_tokens",
    "tokens written": "output_tokens",
    "calls": "calls",
}


class Used(msgspec.Struct, frozen=True, kw_only=True):
    """What was used."""

    documents: int
    pages: int
    embedding_tokens: int
    questions: int
    input_tokens: int
    output_tokens: int
    calls: int


class UsedOnDay(Used, frozen=True, kw_only=True):
    """What was used on one day."""

    day: date


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What was used on each day, and together."""

    days: tuple[UsedOnDay, ...]
    total: Used


def usage(  # noqa: PLR0913 - a parameter for each option
    *,
    first: Annotated[
        datetime | None,
        typer.Option("--from", help="First day, in UTC; default 30 days' worth.", formats=_FORMATS),
    ] = None,
    last: Annotated[
        datetime | None,
        typer.Option("--to", help="Last day, in UTC; default today.", formats=_FORMATS),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    url: UrlOption = None,
    email: EmailOption = None,
    password_stdin: PasswordOption = False,
    api_key: KeyOption = None,
) -> None:
    """Show documents, pages, tokens, calls and questions by day."""
    target = choose_target(
        read_settings(), url=url, email=email, password_stdin=password_stdin, api_key=api_key
    )
    query = {"from": _day(first), "to": _day(last)}
    run(_show(target, query, as_json=as_json))


def _day(given: datetime | None) -> str | None:
    return given.date().isoformat() if given else None


async def _show(target: Target, query: dict[str, str | None], *, as_json: bool) -> int:
    async with connected(target) as api:
        content = await api.get("/api/v2/usage", **query)
    if as_json:
        say_json(content)
        return 0
    found = read_as(Usage, content)
    if found.days:
        out.print(_table(found))
    else:
        say("Nothing was used in these days.")
    return 0


def _table(found: Usage) -> Table:
    table = Table(show_footer=True)
    table.add_column("day (UTC)", footer="total", no_wrap=True)
    for column, field in _COLUMNS.items():
        total = getattr(found.total, field)
        table.add_column(column, footer=f"{total:,}", justify="right", overflow="fold")
    for day in found.days:
        table.add_row(str(day.day), *(f"{getattr(day, field):,}" for field in _COLUMNS.values()))
    return table
