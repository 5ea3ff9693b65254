"""``ragline generations``: index in another way beside the active one, and switch to it."""

import asyncio
from typing import Annotated, Any

import typer

from cli.answers import read_as
from cli.generation_report import Generation, GenerationPage, print_generations, tell
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

app = typer.Typer(
    help="Index in another way, beside the active one; for operators.", no_args_is_help=True
)

PATH = "/api/v2/admin/generations"
#: Between two looks at a build that is waited for.
LOOK_SECONDS = 1.0

NumberArgument = Annotated[int, typer.Argument(help="The generation.", min=1, metavar="NUMBER")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
RateOption = Annotated[
    float | None, typer.Option(help="Most documents a second.", metavar="DOCUMENTS")
]
BudgetOption = Annotated[
    int | None,
    typer.Option(help="Most tokens that embedding may cost; then it waits.", min=0),
]


@app.command("list")
def list_generations(
    *,
    as_json: JsonOption = False,
    url: UrlOption = None,
    email: EmailOption = None,
    password_stdin: PasswordOption = False,
    api_key: KeyOption = None,
) -> None:
    """List the generations: documents, chunks, tokens, and how far a build is."""
    target = _target(url, email, api_key, password_stdin=password_stdin)
    run(_list(target, as_json=as_json))


async def _list(target: Target, *, as_json: bool) -> int:
    async with connected(target) as api:
        content = await api.get(PATH)
    if as_json:
        say_json(content)
    else:
        print_generations(read_as(GenerationPage, content))
    return 0


@app.command("build")
def build_generation(  # noqa: PLR0913 - a parameter for each option
    *,
    embedding_model: Annotated[
        str | None, typer.Option(help="Default EMBEDDING_MODEL of the gateway.")
    ] = None,
    chunking: Annotated[
        str | None, typer.Option(help="`sentence_N`; default CHUNKING_STRATEGY of the gateway.")
    ] = None,
    max_rate: RateOption = None,
    budget: BudgetOption = None,
    wait: Annotated[bool, typer.Option("--wait", help="Return when it is built.")] = False,
    as_json: JsonOption = False,
    url: UrlOption = None,
    email: EmailOption = None,
    password_stdin: PasswordOption = False,
    api_key: KeyOption = None,
) -> None:
    """Begin to index every document in another way; nothing is parsed again."""
    body = {
        "embedding_model": embedding_model,
        "chunking": chunking,
        "max_rate": max_rate,
        "token_budget": budget,
    }
    target = _target(url, email, api_key, password_stdin=password_stdin)
    run(_build(target, body, wait=wait, as_json=as_json))


async def _build(target: Target, body: dict[str, Any], *, wait: bool, as_json: bool) -> int:
    async with connected(target) as api:
        content = await api.post(PATH, body)
        made = read_as(Generation, content)
        while wait and made.step in {"starting", "building"}:
            await asyncio.sleep(LOOK_SECONDS)
            content = await api.get(f"{PATH}/{made.generation_id}")
            made = read_as(Generation, content)
    tell(content, as_json=as_json)
    return int(wait and made.step != "built")


@app.command("pause")
def pause_build(
    number: NumberArgument,
    *,
    as_json: JsonOption = False,
    url: UrlOption = None,
    email: EmailOption = None,
    password_stdin: PasswordOption = False,
    api_key: KeyOption = None,
) -> None:
    """Let a build wait; what is in work is finished."""
    target = _target(url, email, api_key, password_stdin=password_stdin)
    run(_order(target, f"{number}/pause", {}, as_json=as_json))


@app.command("resume")
def resume_build(  # noqa: PLR0913 - a parameter for each option
    number: NumberArgument,
    *,
    max_rate: RateOption = None,
    budget: BudgetOption = None,
    as_json: JsonOption = False,
    url: UrlOption = None,
    email: EmailOption = None,
    password_stdin: PasswordOption = False,
    api_key: KeyOption = None,
) -> None:
    """Let a build go on where it was, with other limits where these are given."""
    target = _target(url, email, api_key, password_stdin=password_stdin)
    body = {"max_rate": max_rate, "token_budget": budget}
    run(_order(target, f"{number}/resume", body, as_json=as_json))


@app.command("promote")
def promote_generation(  # noqa: PLR0913 - a parameter for each option
    number: NumberArgument,
    *,
    accept_missing: Annotated[
        bool, typer.Option(help="Also without the documents whose work was given up.")
    ] = False,
    wait: Annotated[bool, typer.Option(help="Return when it is active.")] = True,
    as_json: JsonOption = False,
    url: UrlOption = None,
    email: EmailOption = None,
    password_stdin: PasswordOption = False,
    api_key: KeyOption = None,
) -> None:
    """Answer questions from a generation, as soon as it has every document.

    The status is 1 when it could not be promoted.
    """
    target = _target(url, email, api_key, password_stdin=password_stdin)
    body = {"accept_missing": accept_missing}
    run(_promote(target, number, body, wait=wait, as_json=as_json))


async def _promote(
    target: Target, number: int, body: dict[str, Any], *, wait: bool, as_json: bool
) -> int:
    async with connected(target) as api:
        content = await api.post(f"{PATH}/{number}/promote", body)
        promoted = read_as(Generation, content)
        while wait and promoted.state != "active" and promoted.problem is None:
            await asyncio.sleep(LOOK_SECONDS)
            content = await api.get(f"{PATH}/{number}")
            promoted = read_as(Generation, content)
    tell(content, as_json=as_json)
    return int(promoted.problem is not None)


@app.command("rollback")
def roll_back(
    *,
    as_json: JsonOption = False,
    url: UrlOption = None,
    email: EmailOption = None,
    password_stdin: PasswordOption = False,
    api_key: KeyOption = None,
) -> None:
    """Answer from the generation again that was active before."""
    target = _target(url, email, api_key, password_stdin=password_stdin)
    run(_order(target, "rollback", {}, as_json=as_json))


@app.command("drop")
def drop_generation(
    number: NumberArgument,
    *,
    as_json: JsonOption = False,
    url: UrlOption = None,
    email: EmailOption = None,
    password_stdin: PasswordOption = False,
    api_key: KeyOption = None,
) -> None:
    """Drop a generation that is not active, or end its build; there is no way back."""
    target = _target(url, email, api_key, password_stdin=password_stdin)
    run(_drop(target, number, as_json=as_json))


async def _drop(target: Target, number: int, *, as_json: bool) -> int:
    async with connected(target) as api:
        await api.delete(f"{PATH}/{number}")
        content = await api.get(f"{PATH}/{number}")
    tell(content, as_json=as_json)
    return 0


async def _order(target: Target, order: str, body: dict[str, Any], *, as_json: bool) -> int:
    async with connected(target) as api:
        content = await api.post(f"{PATH}/{order}", body)
    tell(content, as_json=as_json)
    return 0


def _target(
    url: str | None, email: str | None, api_key: str | None, *, password_stdin: bool
) -> Target:
    return choose_target(
        read_settings(), url=url, email=email, password_stdin=password_stdin, api_key=api_key
    )
