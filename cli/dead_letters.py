"""``ragline dead-letters``: what the workers gave up, for operators."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import typer

from cli.answers import read_as
from cli.console import fail
from cli.dead_letter_report import LetterDetails, LetterPage, print_letter, print_letters
from cli.dead_letter_work import PAGE, PATH, Query, discard, redrive_each, redrive_many
from cli.running import WRONG_USAGE, read_settings, run
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
from contracts.topics import WorkerName

app = typer.Typer(help="See and redrive what the workers gave up.", no_args_is_help=True)

_CHOICE = "Which ones"
IdsArgument = Annotated[list[UUID] | None, typer.Argument(help="Dead letters.", metavar="[ID]...")]
GroupOption = Annotated[
    WorkerName | None, typer.Option(help="Only of this worker.", rich_help_panel=_CHOICE)
]
CodeOption = Annotated[
    str | None, typer.Option(help="Only with this code.", rich_help_panel=_CHOICE)
]
DocumentOption = Annotated[
    UUID | None,
    typer.Option(help="Only of this document.", metavar="ID", rich_help_panel=_CHOICE),
]
TenantOption = Annotated[
    UUID | None, typer.Option(help="Only of this tenant.", metavar="ID", rich_help_panel=_CHOICE)
]
SinceOption = Annotated[
    datetime | None,
    typer.Option(help="Only given up since then, in UTC.", rich_help_panel=_CHOICE),
]
AllOption = Annotated[bool, typer.Option("--all", help="All that wait.", rich_help_panel=_CHOICE)]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
DeadLetterState = Literal["waiting", "redriven", "discarded"]


@app.command("list")
def list_letters(  # noqa: PLR0913 - a parameter for each option
    *,
    group: GroupOption = None,
    code: CodeOption = None,
    document: DocumentOption = None,
    tenant: TenantOption = None,
    since: SinceOption = None,
    state: Annotated[
        DeadLetterState | None,
        typer.Option(help="Only in this state.", rich_help_panel=_CHOICE),
    ] = None,
    limit: Annotated[int, typer.Option(help="Most dead letters.", min=1, max=PAGE)] = 20,
    after: Annotated[
        UUID | None, typer.Option(help="Only those older than this one.", metavar="ID")
    ] = None,
    as_json: JsonOption = False,
    url: UrlOption = None,
    email: EmailOption = None,
    password_stdin: PasswordOption = False,
    api_key: KeyOption = None,
) -> None:
    """List dead letters of all tenants, newest first."""
    target = _target(url, email, api_key, password_stdin=password_stdin)
    query = _query(group, code, document, tenant, since)
    query |= {"state": state, "limit": str(limit), "after": str(after) if after else None}
    run(_list(target, query, as_json=as_json))


async def _list(target: Target, query: Query, *, as_json: bool) -> int:
    async with connected(target) as api:
        content = await api.get(PATH, **query)
    if as_json:
        say_json(content)
    else:
        print_letters(read_as(LetterPage, content))
    return 0


@app.command("show")
def show_letter(
    dead_letter_id: Annotated[UUID, typer.Argument(help="The dead letter.")],
    *,
    as_json: JsonOption = False,
    url: UrlOption = None,
    email: EmailOption = None,
    password_stdin: PasswordOption = False,
    api_key: KeyOption = None,
) -> None:
    """Show one dead letter: why, since when, its headers and its event without texts."""
    target = _target(url, email, api_key, password_stdin=password_stdin)
    run(_show(target, dead_letter_id, as_json=as_json))


async def _show(target: Target, dead_letter_id: UUID, *, as_json: bool) -> int:
    async with connected(target) as api:
        content = await api.get(f"{PATH}/{dead_letter_id}")
    if as_json:
        say_json(content)
    else:
        print_letter(read_as(LetterDetails, content))
    return 0


@app.command("redrive")
def redrive_letters(  # noqa: PLR0913 - a parameter for each option
    ids: IdsArgument = None,
    *,
    group: GroupOption = None,
    code: CodeOption = None,
    document: DocumentOption = None,
    tenant: TenantOption = None,
    since: SinceOption = None,
    everything: AllOption = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also what failed again after three redrives.")
    ] = False,
    per_second: Annotated[int, typer.Option(help="Most records a second.", min=1, max=PAGE)] = 10,
    as_json: JsonOption = False,
    url: UrlOption = None,
    email: EmailOption = None,
    password_stdin: PasswordOption = False,
    api_key: KeyOption = None,
) -> None:
    """Let workers try dead letters anew, the oldest first; their failed jobs run again.

    The status is 1 when one was refused.
    """
    query = _query(group, code, document, tenant, since)
    _check_choice(ids or [], query, everything=everything)
    target = _target(url, email, api_key, password_stdin=password_stdin)
    if ids:
        run(redrive_each(target, ids, force=force, as_json=as_json))
    else:
        body: dict[str, Any] = {name: value for name, value in query.items() if value}
        body |= {"force": force, "per_second": per_second, "limit": PAGE}
        run(redrive_many(target, body, as_json=as_json))


@app.command("discard")
def discard_letters(  # noqa: PLR0913 - a parameter for each option
    ids: IdsArgument = None,
    *,
    group: GroupOption = None,
    code: CodeOption = None,
    document: DocumentOption = None,
    tenant: TenantOption = None,
    since: SinceOption = None,
    everything: AllOption = False,
    as_json: JsonOption = False,
    url: UrlOption = None,
    email: EmailOption = None,
    password_stdin: PasswordOption = False,
    api_key: KeyOption = None,
) -> None:
    """Give dead letters up for good; their jobs stay failed."""
    query = _query(group, code, document, tenant, since)
    _check_choice(ids or [], query, everything=everything)
    target = _target(url, email, api_key, password_stdin=password_stdin)
    run(discard(target, ids or [], query, as_json=as_json))


def _target(
    url: str | None, email: str | None, api_key: str | None, *, password_stdin: bool
) -> Target:
    return choose_target(
        read_settings(), url=url, email=email, password_stdin=password_stdin, api_key=api_key
    )


def _query(
    group: WorkerName | None,
    code: str | None,
    document: UUID | None,
    tenant: UUID | None,
    since: datetime | None,
) -> Query:
    return {
        "group": group,
        "code": code,
        "document_id": str(document) if document else None,
        "tenant_id": str(tenant) if tenant else None,
        "since": since.replace(tzinfo=UTC).isoformat() if since else None,
    }


def _check_choice(ids: Sequence[UUID], query: Query, *, everything: bool) -> None:
    """End the command unless it says which ones, in one way."""
    has_filter = any(query.values())
    if not (ids or has_filter or everything):
        fail("Which ones? Name their ids, use a filter, or say --all.", WRONG_USAGE)
    if ids and (has_filter or everything):
        fail("Use either ids or filters, not both.", WRONG_USAGE)
