"""``ragline search``: the passages that fit, without an answer."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from cli.answers import Passage, Passages, read_as
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
from cli.terminal import one_line, say, say_json

#: Characters of a passage that are shown; `--json` has all of them.
TEXT_CHARACTERS = 400


class Leg(StrEnum):
    """The ways to look."""

    both = "both"
    vector = "vector"
    lexical = "lexical"


def search(  # noqa: PLR0913 - a parameter for each option
    query: Annotated[str, typer.Argument(help="What to look for.")],
    *,
    limit: Annotated[int, typer.Option(help="Most passages.", min=1, max=50)] = 5,
    threshold: Annotated[
        float | None,
        typer.Option(help="Least similarity of context; default the server's.", min=-1, max=1),
    ] = None,
    neighbours: Annotated[
        int | None,
        typer.Option(
            help="Chunks around a passage that `--json` shows with it; default the server's.",
            min=0,
            max=10,
        ),
    ] = None,
    leg: Annotated[Leg, typer.Option(help="Which rankings are fused.")] = Leg.both,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    url: UrlOption = None,
    email: EmailOption = None,
    password_stdin: PasswordOption = False,
    api_key: KeyOption = None,
) -> None:
    """Find the passages of your documents that fit a text, by meaning and by words."""
    target = choose_target(
        read_settings(), url=url, email=email, password_stdin=password_stdin, api_key=api_key
    )
    body: dict[str, Any] = {"query": query, "max_results": limit}
    given = {"threshold": threshold, "neighbours": neighbours}
    body |= {name: value for name, value in given.items() if value is not None}
    if leg is not Leg.both:
        body["legs"] = [leg.value]
    run(_search(target, body, as_json=as_json))


async def _search(target: Target, body: dict[str, Any], *, as_json: bool) -> int:
    async with connected(target) as api:
        content = await api.post("/api/v2/search", body)
    if as_json:
        say_json(content)
        return 0
    found = read_as(Passages, content)
    for passage in found.results:
        say(_shown(passage))
    if not found.results:
        say(f"No passage reaches the similarity {found.threshold:g}; try a lower --threshold.")
    return 0


def _shown(passage: Passage) -> str:
    pages = f"page {passage.page}"
    if passage.page_last != passage.page:
        pages = f"pages {passage.page}-{passage.page_last}"
    scores = f"similarity {passage.similarity:.2f}"
    if passage.lexical_score is not None:
        scores += f", words {passage.lexical_score:.1f}"
    if not passage.is_context:
        scores += ", too far to answer from"
    head = f"{passage.rank}. {one_line(passage.filename)}, {pages} ({scores})"
    return f"{head}\n   {one_line(passage.text, most=TEXT_CHARACTERS)}"
