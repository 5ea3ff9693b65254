"""What questions cost, as the tenant is shown it."""

from datetime import timedelta
from typing import Any

import pytest

from contracts.errors import ProviderRefused
from runtime.clock import SystemClock
from tests.integration.conversations.conftest import QUESTION, Gateway, ScriptedModel, World, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

TODAY = SystemClock().now().date()
NOTHING = dict.fromkeys(
    (
        "documents",
        "pages",
        "pages_billed",
        "embedding_tokens",
        "questions",
        "input_tokens",
        "output_tokens",
        "calls",
    ),
    0,
)


async def usage(gateway: Gateway, **query: str) -> dict[str, Any]:
    answer = await gateway.client.get("/api/v2/usage", params=query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def total(gateway: Gateway) -> dict[str, int]:
    return dict((await usage(gateway))["total"])


def more(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    return {name: after[name] - before[name] for name in after if after[name] != before[name]}


async def test_an_answer_counts_with_its_tokens(world: World) -> None:
    async with world.responder([ScriptedModel("Thirty days [1].")]), world.gateway() as gateway:
        before = await total(gateway)
        turn = (await gateway.ask()).json()
        after = await total(gateway)
    spent = {"input_tokens": 10, "output_tokens": 5, "calls": 1}
    assert turn["usage"] == spent
    assert more(before, after) == {"questions": 1, **spent}


async def test_cancelled_failed_and_deleted_answers_count_too(world: World) -> None:
    model = ScriptedModel("Thirty ", "never said")
    model.released.clear()
    async with world.responder([model]), world.gateway() as gateway:
        before = await total(gateway)
        async with gateway.stream("POST", "/chat", message=QUESTION) as (response, events):
            while (await anext(events)).name != "token":
                pass
            path = response.headers["location"]
            cancelled = (await gateway.client.post(f"{path}/cancel")).json()
        await until(lambda: model.closed == 1)
        assert cancelled["usage"] == {"input_tokens": 10, "output_tokens": 0, "calls": 1}
        spent = {"questions": 1, "input_tokens": 10, "calls": 1}
        assert more(before, await total(gateway)) == spent
        conversation = f"/api/v2/conversations/{cancelled['conversation_id']}"
        await gateway.client.delete(conversation)
        assert more(before, await total(gateway)) == spent
    async with world.responder([ScriptedModel(ProviderRefused())]), world.gateway() as gateway:
        before = await total(gateway)
        assert (await gateway.ask()).status_code == 502
        assert more(before, await total(gateway))["questions"] == 1


async def test_a_day_shows_what_was_used_on_it(world: World) -> None:
    async with world.responder(), world.gateway() as gateway:
        await gateway.ask()
        shown = await usage(gateway)
        assert (shown["from"], shown["to"]) == (str(TODAY - timedelta(days=29)), str(TODAY))
        assert shown["days"][-1]["questions"] >= 1
        assert shown["total"]["questions"] == sum(day["questions"] for day in shown["days"])
        past = await usage(gateway, **{"from": "2020-01-01", "to": "2020-02-01"})
        assert (past["days"], past["total"]) == ([], NOTHING)


@pytest.mark.parametrize(
    "query",
    [
        {"from": "2026-02-02", "to": "2026-02-01"},
        {"from": "2020-01-01", "to": "2026-01-01"},
        {"from": "yesterday"},
        {"to": "2026-02-30"},
    ],
)
async def test_days_that_make_no_sense_are_refused(world: World, query: dict[str, str]) -> None:
    async with world.gateway() as gateway:
        answer = await gateway.client.get("/api/v2/usage", params=query)
    assert answer.status_code in {400, 422}
    assert answer.json()["code"] == "invalid_request"


async def test_another_tenant_sees_its_own_usage(world: World) -> None:
    stranger = await world.new_user()
    async with world.gateway() as gateway, world.client(gateway.url, stranger) as client:
        answer = await client.get("/api/v2/usage")
    assert answer.json()["days"] == []
