"""``ragline search``: the passages that fit, without an answer."""

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


def search(  # noqa: PLR0913 - a parameter for each option
    query: Annotated[str, typer.Argument(help="What to look for.")],
    *,
    limit: Annotated[int, typer.Option(help="Most passages.", min=1, max=50)] = 5,
    threshold: Annotated[
        float | None,
        typer.Option(help="Least cosine similarity; default the server's.", min=-1, max=1),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    url: UrlOption = None,
    email: EmailOption = None,
    password_stdin: PasswordOption = False,
    api_key: KeyOption = None,
) -> None:
    """Find the passages of your documents that are most similar to a text."""
    target = choose_target(
        read_settings(), url=url, email=email, password_stdin=password_stdin, api_key=api_key
    )
    body: dict[str, Any] = {"query": query, "max_results": limit}
    if threshold is not None:
        body["threshold"] = threshold
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
    head = f"{passage.rank}. {one_line(passage.filename)}, {pages} ({passage.similarity:.2f})"
    return f"{head}\n   {one_line(passage.text, most=TEXT_CHARACTERS)}"
