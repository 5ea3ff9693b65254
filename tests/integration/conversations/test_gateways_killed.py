"""An answer outlives the gateway that it was asked at: another one goes on where the client was."""

import asyncio
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.conversations.conftest import (
    QUESTION,
    Event,
    Gateway,
    ScriptedModel,
    World,
    events_of,
)
from tests.integration.gateway.processes import GatewayProcess, gateway_process

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: Five seconds of talk: another gateway has time to find its place in the log.
WORDS = tuple(f"word{number} " for number in range(125))
SECONDS_A_WORD = 0.04
BEFORE = 20


def settings_of(world: World) -> dict[str, Any]:
    given = world.settings
    assert given.database_url is not None
    assert given.jwt_secret is not None
    return {
        "environment": "test",
        "database_url": given.database_url.get_secret_value(),
        "kafka_bootstrap_servers": given.kafka_bootstrap_servers,
        "blob_url": given.blob_url,
        "jwt_secret": given.jwt_secret.get_secret_value(),
        "port": 0,
        "drain_seconds": 2,
    }


async def url_of(gateway: GatewayProcess) -> str:
    return await asyncio.to_thread(lambda: gateway.url)


async def until_killed(
    client: httpx.AsyncClient, gateway: GatewayProcess
) -> tuple[str, list[Event]]:
    """Ask, read some events, kill the gateway, and read what still comes."""
    seen: list[Event] = []
    body = {"message": QUESTION, "stream": True}
    async with client.stream("POST", "/chat", json=body) as response:
        with suppress(httpx.TransportError):
            async for event in events_of(response):
                seen.append(event)
                if len(seen) == BEFORE:
                    gateway.process.send_signal(signal.SIGKILL)
        return response.headers["location"], seen


async def test_another_gateway_goes_on_when_the_first_is_killed(
    world: World, tmp_path: Path
) -> None:
    settings, model = settings_of(world), ScriptedModel(*WORDS, delay=SECONDS_A_WORD)
    with (
        gateway_process(tmp_path / "one", **settings) as one,
        gateway_process(tmp_path / "other", **settings) as other,
    ):
        async with (
            world.responder([model]),
            world.client(await url_of(one), world.user) as client,
            world.client(await url_of(other), world.user) as elsewhere,
        ):
            path, seen = await until_killed(client, one)
            assert one.process.wait(5) == -signal.SIGKILL
            successor = Gateway(str(elsewhere.base_url), None, elsewhere)
            rest = await successor.events("GET", f"{path}/events", after=seen[-1].event_id)
            stored = (await elsewhere.get(path)).json()
    together = [*seen, *rest]
    assert [event.name for event in together].count("sources") == 1
    assert together[-1].name == "done"
    text = "".join(event.data["text"] for event in together if event.name == "token")
    assert text == stored["answer"] == "".join(WORDS)
    assert len(rest) > BEFORE, "it came as it was said, not from the row"
    assert len(model.prompts) == 1, "nothing was asked twice"


async def test_a_question_of_a_killed_gateway_is_answered_all_the_same(
    world: World, tmp_path: Path
) -> None:
    model = ScriptedModel("Thirty days [1].")
    with gateway_process(tmp_path / "log", **settings_of(world)) as gateway:
        async with world.client(await url_of(gateway), world.user) as client:
            asking = asyncio.create_task(client.post("/chat", json={"message": QUESTION}))
            await asyncio.to_thread(gateway.logged, "question_asked")
            gateway.process.send_signal(signal.SIGKILL)
            with pytest.raises(httpx.TransportError):
                await asking
    async with world.gateway() as successor, world.responder([model]):
        listed = (await successor.client.get("/api/v2/conversations?limit=1")).json()["data"]
        path = f"/api/v2/conversations/{listed[0]['conversation_id']}"
        [asked] = (await successor.client.get(path)).json()["turns"]
        turn = await successor.ended(f"/chat/{asked['turn_id']}")
    assert turn["answer"] == "Thirty days [1]."
