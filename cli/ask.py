"""``ragline ask``: a question, its answer as it comes, and where the answer is from."""

import asyncio
from typing import Annotated, Any
from uuid import UUID

import typer

from cli.answering import Answering
from cli.answers import Citation, Piece, Step, Turn, read_as
from cli.failures import CommandFailed
from cli.running import read_settings, run
from cli.sse import ServerEvent
from cli.target import (
    EmailOption,
    KeyOption,
    PasswordOption,
    Target,
    UrlOption,
    choose_target,
    connected,
)
from cli.terminal import hint, one_line, say, say_json, tell, write

#: Characters of a quote that are shown; `--json` has all of them.
QUOTE_CHARACTERS = 200
#: And of what a step was about.
STEP_CHARACTERS = 100


def ask(  # noqa: PLR0913 - a parameter for each option
    question: Annotated[str, typer.Argument(help="What you want to know.")],
    *,
    conversation: Annotated[
        UUID | None, typer.Option(help="Go on with this conversation.", metavar="ID")
    ] = None,
    document: Annotated[
        list[UUID] | None,
        typer.Option(help="Answer from this document only; may be repeated.", metavar="ID"),
    ] = None,
    agent: Annotated[
        str | None,
        typer.Option(
            help="Who answers: `answer`, `search`, `summarize` (with --document) or `research`."
        ),
    ] = None,
    stream: Annotated[
        bool, typer.Option(help="Print the answer as it comes, or when it is whole.")
    ] = True,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the whole turn as one JSON document.")
    ] = False,
    url: UrlOption = None,
    email: EmailOption = None,
    password_stdin: PasswordOption = False,
    api_key: KeyOption = None,
) -> None:
    """Ask a question about your documents; the answer cites them by file, page and quote."""
    target = choose_target(
        read_settings(), url=url, email=email, password_stdin=password_stdin, api_key=api_key
    )
    body: dict[str, Any] = {"message": question, "stream": True}
    if conversation is not None:
        body["conversation_id"] = str(conversation)
    if agent is not None:
        body["agent"] = agent
    if document:
        body["document_ids"] = [str(one) for one in document]
    run(_ask(target, body, _Json() if as_json else _Text(is_live=stream)))


async def _ask(target: Target, body: dict[str, Any], shown: "_Json | _Text") -> int:
    async with connected(target) as api:
        answering = Answering(api, body)
        try:
            async for event in answering.events():
                shown.show(event)
        except asyncio.CancelledError:
            await answering.cancel()
            raise
        except CommandFailed:
            shown.break_off()
            raise
    return 0


class _Json:
    """Prints the turn when it has ended."""

    def show(self, event: ServerEvent) -> None:
        if event.name == "done":
            say_json(event.data)

    def break_off(self) -> None:
        """Print nothing: there is no whole turn."""


class _Text:
    """Prints the answer, as it comes or as a whole, then its citations."""

    def __init__(self, *, is_live: bool) -> None:
        self._is_live = is_live
        self._is_within_line = False

    def show(self, event: ServerEvent) -> None:
        match event.name:
            case "step":
                self.break_off()
                tell(_step_line(read_as(Step, event.data)))
            case "token" if self._is_live:
                self._write(read_as(Piece, event.data).text)
            case "restart" if self._is_live:
                self.break_off()
                hint("The answer begins anew:")
            case "done":
                self._finish(read_as(Turn, event.data))
            case _:  # the turn has all that counts
                pass

    def break_off(self) -> None:
        """End the line, so that what follows stands on its own."""
        if self._is_within_line:
            self._write("\n")

    def _write(self, text: str) -> None:
        write(text)
        if text:
            self._is_within_line = not text.endswith("\n")

    def _finish(self, turn: Turn) -> None:
        if not self._is_live:
            self._write(turn.answer)
        self.break_off()
        if turn.finish_reason == "cancelled":
            raise CommandFailed("The answer was cancelled; ask again.")
        if turn.citations:
            say("")
        for citation in turn.citations:
            say(_citation_line(citation))
        hint(f'To go on: ragline ask --conversation {turn.conversation_id} "…"')


def _step_line(step: Step) -> str:
    given, result = one_line(step.input, most=STEP_CHARACTERS), one_line(step.result)
    if step.error is None:
        return f"{step.kind}: {given} → {result}"
    return f"{step.kind} did not work: {one_line(step.error.message)} {result}"


def _citation_line(citation: Citation) -> str:
    quote = one_line(citation.quote, most=QUOTE_CHARACTERS)
    return f"[{citation.index}] {one_line(citation.filename)}, page {citation.page}: “{quote}”"
