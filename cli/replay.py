"""``ragline replay``: let the workers read again what they have read, for operators."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import typer

from cli.answers import read_as
from cli.replay_report import Plan, Replay, ReplayPage, print_plan, print_replays
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
from cli.terminal import say_json
from contracts.topics import WorkerName

app = typer.Typer(help="Let the workers read again; for operators.", no_args_is_help=True)

PATH = "/api/v2/admin/replays"
LOOK_SECONDS = 1.0

GroupOption = Annotated[WorkerName, typer.Option(help="Whose records: parser, chunker, embedder.")]
SinceOption = Annotated[datetime, typer.Option(help="From this time on, in UTC.")]
UntilOption = Annotated[datetime | None, typer.Option(help="Up to this time, in UTC.")]
TenantOption = Annotated[UUID | None, typer.Option(help="Only of this tenant.", metavar="ID")]
DocumentOption = Annotated[UUID | None, typer.Option(help="Only of this document.", metavar="ID")]
WaitOption = Annotated[bool, typer.Option("--wait", help="Return when the workers have it.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@app.command("plan")
def plan_replay(  # noqa: PLR0913 - a parameter for each option
    *,
    group: GroupOption,
    since: SinceOption,
    until: UntilOption = None,
    tenant: TenantOption = None,
    document: DocumentOption = None,
    as_json: JsonOption = False,
    url: UrlOption = None,
    email: EmailOption = None,
    password_stdin: PasswordOption = False,
    api_key: KeyOption = None,
) -> None:
    """Say what would be read again, how many records and how long; changes nothing."""
    target = _target(url, email, api_key, password_stdin=password_stdin)
    run(_plan(target, _body(group, since, until, tenant, document), as_json=as_json))


async def _plan(target: Target, body: dict[str, Any], *, as_json: bool) -> int:
    async with connected(target) as api:
        content = await api.post(f"{PATH}/plan", body)
    if as_json:
        say_json(content)
    else:
        print_plan(read_as(Plan, content))
    return 0


@app.command("run")
def run_replay(  # noqa: PLR0913 - a parameter for each option
    *,
    group: GroupOption,
    since: SinceOption,
    until: UntilOption = None,
    tenant: TenantOption = None,
    document: DocumentOption = None,
    wait: WaitOption = False,
    as_json: JsonOption = False,
    url: UrlOption = None,
    email: EmailOption = None,
    password_stdin: PasswordOption = False,
    api_key: KeyOption = None,
) -> None:
    """Let a group read records again.

    With --since alone its offsets are reset, and its workers must be stopped. With another choice
    the records are read again behind live work.
    """
    target = _target(url, email, api_key, password_stdin=password_stdin)
    body = _body(group, since, until, tenant, document)
    run(_order(target, PATH, body, wait=wait, as_json=as_json))


@app.command("rebuild")
def rebuild(
    *,
    wait: WaitOption = False,
    as_json: JsonOption = False,
    url: UrlOption = None,
    email: EmailOption = None,
    password_stdin: PasswordOption = False,
    api_key: KeyOption = None,
) -> None:
    """Bring back all that is derived from documents, from the log and the blobs.

    Nothing is parsed or embedded again; what is whole stays as it is.
    """
    target = _target(url, email, api_key, password_stdin=password_stdin)
    run(_order(target, f"{PATH}/rebuild", {}, wait=wait, as_json=as_json))


async def _order(
    target: Target, path: str, body: dict[str, Any], *, wait: bool, as_json: bool
) -> int:
    async with connected(target) as api:
        content = await api.post(path, body)
        replay = read_as(Replay, content)
        while wait and replay.state == "running":
            await asyncio.sleep(LOOK_SECONDS)
            content = await api.get(f"{PATH}/{replay.replay_id}")
            replay = read_as(Replay, content)
    if as_json:
        say_json(content)
    else:
        print_replays(ReplayPage(data=[replay]))
    return int(replay.state == "failed")


@app.command("list")
def list_replays(
    *,
    as_json: JsonOption = False,
    url: UrlOption = None,
    email: EmailOption = None,
    password_stdin: PasswordOption = False,
    api_key: KeyOption = None,
) -> None:
    """List replays, newest first."""
    target = _target(url, email, api_key, password_stdin=password_stdin)
    run(_list(target, as_json=as_json))


async def _list(target: Target, *, as_json: bool) -> int:
    async with connected(target) as api:
        content = await api.get(PATH)
    if as_json:
        say_json(content)
    else:
        print_replays(read_as(ReplayPage, content))
    return 0


def _body(
    group: WorkerName,
    since: datetime,
    until: datetime | None,
    tenant: UUID | None,
    document: UUID | None,
) -> dict[str, Any]:
    return {
        "group": group,
        "since": since.replace(tzinfo=UTC).isoformat(),
        "until": until.replace(tzinfo=UTC).isoformat() if until else None,
        "tenant_id": str(tenant) if tenant else None,
        "document_id": str(document) if document else None,
    }


def _target(
    url: str | None, email: str | None, api_key: str | None, *, password_stdin: bool
) -> Target:
    return choose_target(
        read_settings(), url=url, email=email, password_stdin=password_stdin, api_key=api_key
    )
