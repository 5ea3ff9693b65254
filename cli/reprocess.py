"""``ragline reprocess``: process documents again, some or by a filter."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

import msgspec
import typer

from cli.answers import read_as
from cli.console import fail
from cli.failures import ApiProblem
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
from cli.terminal import say, say_json

PATH = "/api/v2/documents"
PAGE = 100


class Reprocessed(msgspec.Struct, frozen=True, kw_only=True):
    """The job in which a document is processed again."""

    document_id: str
    job_id: str
    version: int


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A document that is not processed again, and why."""

    document_id: str
    code: str
    message: str


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a request to process several again."""

    reprocessed: list[Reprocessed] = []
    refused: list[Refused] = []
    last_id: str | None = None
    has_more: bool = False


def reprocess(  # noqa: PLR0913 - a parameter for each option
    documents: Annotated[
        list[UUID] | None, typer.Argument(help="Documents.", metavar="[ID]...")
    ] = None,
    *,
    force_parse: Annotated[
        bool, typer.Option("--force-parse", help="Parse the files anew, as a next version.")
    ] = False,
    knowledge_base: Annotated[
        str | None, typer.Option(help="Only documents of this knowledge base.")
    ] = None,
    parser: Annotated[str | None, typer.Option(help="Only what this parser has read.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All documents.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    url: UrlOption = None,
    email: EmailOption = None,
    password_stdin: PasswordOption = False,
    api_key: KeyOption = None,
) -> None:
    """Process documents again: their pages, or with --force-parse their files.

    Until it is done the version before answers questions. The status is 1 when one was refused.
    """
    has_filter = knowledge_base is not None or parser is not None
    if not (documents or has_filter or everything):
        fail("Which ones? Name their ids, use a filter, or say --all.", WRONG_USAGE)
    if documents and (has_filter or everything):
        fail("Use either ids or filters, not both.", WRONG_USAGE)
    target = choose_target(
        read_settings(), url=url, email=email, password_stdin=password_stdin, api_key=api_key
    )
    body: dict[str, Any] = {"force_parse": force_parse}
    if documents:
        run(_each(target, documents, body, as_json=as_json))
    else:
        body |= {"knowledge_base": knowledge_base, "parser": parser, "limit": PAGE}
        run(_many(target, body, as_json=as_json))


async def _each(
    target: Target, documents: Sequence[UUID], body: dict[str, Any], *, as_json: bool
) -> int:
    result = Result(reprocessed=[], refused=[])
    async with connected(target) as api:
        for one in documents:
            try:
                begun = read_as(Reprocessed, await api.post(f"{PATH}/{one}/reprocess", body))
            except ApiProblem as problem:
                if problem.status not in {404, 409}:
                    raise
                refused = Refused(document_id=str(one), code=problem.code, message=str(problem))
                result.refused.append(refused)
            else:
                result.reprocessed.append(begun)
    return _tell(result, as_json=as_json)


async def _many(target: Target, body: dict[str, Any], *, as_json: bool) -> int:
    total = Result(reprocessed=[], refused=[])
    async with connected(target) as api:
        has_more, after = True, None
        while has_more:
            found = read_as(Result, await api.post(f"{PATH}/reprocess", {**body, "after": after}))
            total.reprocessed.extend(found.reprocessed)
            total.refused.extend(found.refused)
            has_more, after = found.has_more, found.last_id
    return _tell(total, as_json=as_json)


def _tell(result: Result, *, as_json: bool) -> int:
    if as_json:
        say_json({"reprocessed": result.reprocessed, "refused": result.refused})
    else:
        for one in result.reprocessed:
            say(f"{one.document_id}\tversion {one.version}\tjob {one.job_id}")
        for refused in result.refused:
            say(f"{refused.document_id}\t{refused.message}")
    return int(bool(result.refused))
