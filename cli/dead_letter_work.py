"""Redriving and discarding dead letters over the API, one by one or by filter."""

from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

from cli.answers import read_as
from cli.client import Api
from cli.dead_letter_report import Letter, LetterPage, RedriveResult, Refused, print_redriven
from cli.failures import ApiProblem
from cli.target import Target, connected
from cli.terminal import say, say_json

PATH = "/api/v2/admin/dead-letters"
#: The API's largest page, and its largest portion to redrive.
PAGE = 100

#: Filters by the names that the API gives them.
Query = dict[str, str | None]


async def redrive_each(target: Target, ids: Sequence[UUID], *, force: bool, as_json: bool) -> int:
    """Redrive these; return the exit status, 1 when one was refused."""
    result = RedriveResult(redriven=[], refused=[])
    async with connected(target) as api:
        for one in ids:
            try:
                await api.post(f"{PATH}/{one}/redrive", {"force": force})
            except ApiProblem as problem:
                _note(result, one, problem)
            else:
                result.redriven.append(str(one))
    return _tell(result, as_json=as_json)


async def redrive_many(target: Target, body: dict[str, Any], *, as_json: bool) -> int:
    """Redrive what waits and fits, portion by portion; return the exit status."""
    total = RedriveResult(redriven=[], refused=[])
    async with connected(target) as api:
        has_more, after = True, None
        while has_more:
            portion = {**body, "after": after} if after else body
            found = read_as(RedriveResult, await api.post(f"{PATH}/redrive", portion))
            total.redriven.extend(found.redriven)
            total.refused.extend(found.refused)
            has_more, after = found.has_more, found.last_id
    return _tell(total, as_json=as_json)


async def discard(target: Target, ids: Sequence[UUID], query: Query, *, as_json: bool) -> int:
    """Discard these, or else what waits and fits; return the exit status."""
    discarded: list[str] = []
    async with connected(target) as api:
        chosen = [str(one) for one in ids] or [
            letter.dead_letter_id async for letter in _waiting(api, query)
        ]
        for one in chosen:
            await api.post(f"{PATH}/{one}/discard", {})
            discarded.append(one)
    if as_json:
        say_json({"discarded": discarded})
    else:
        say(f"{len(discarded)} discarded.")
    return 0


def _note(result: RedriveResult, one: UUID, problem: ApiProblem) -> None:
    """Note a refusal of this one; another problem would meet the others, too."""
    if problem.status not in {404, 409}:
        raise problem
    refused = Refused(dead_letter_id=str(one), code=problem.code, message=str(problem))
    result.refused.append(refused)


def _tell(result: RedriveResult, *, as_json: bool) -> int:
    if as_json:
        say_json({"redriven": result.redriven, "refused": result.refused})
    else:
        print_redriven(result)
    return int(bool(result.refused))


async def _waiting(api: Api, query: Query) -> AsyncIterator[Letter]:
    """Yield every dead letter that waits and fits."""
    has_more, after = True, None
    while has_more:
        content = await api.get(PATH, **query, state="waiting", limit=PAGE, after=after)
        page = read_as(LetterPage, content)
        for letter in page.data:
            yield letter
        has_more, after = page.has_more, page.data[-1].dead_letter_id if page.data else None
