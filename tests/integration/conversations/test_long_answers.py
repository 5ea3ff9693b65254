"""An answer of 200 KB that the provider gives in many calls is whole at every place."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from providers.chat.factory import create_chat
from tests.fixtures.anthropic_server import AnthropicServer
from tests.fixtures.long_text import long_text
from tests.fixtures.openai_server import OpenAIServer
from tests.integration.conversations.conftest import QUESTION, Gateway, World

pytestmark = pytest.mark.asyncio(loop_scope="module")

Server = OpenAIServer | AnthropicServer

#: In bytes; there are characters of up to four.
SIZE = 200_000
#: Each call ends for its length after so many characters.
MOST_CHARACTERS = 17_003
ROOT = Path(__file__).parents[3]


@pytest_asyncio.fixture(loop_scope="module", params=[OpenAIServer, AnthropicServer])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    async with request.param(text=long_text(SIZE)) as server:
        server.piece, server.most_characters, server.repeats = 151, MOST_CHARACTERS, 60
        yield server


@pytest_asyncio.fixture(loop_scope="module")
async def gateway(world: World, server: Server) -> AsyncIterator[Gateway]:
    """A gateway, and a responder that asks the server."""
    vendor = "openai" if isinstance(server, OpenAIServer) else "anthropic"
    given = {f"{vendor}_api_key": server.key, f"{vendor}_base_url": server.base_url}
    models = create_chat(world.settings.with_values(answer_token_budget=200_000, **given))
    async with world.responder(models), world.gateway() as gateway:
        yield gateway
    for model in models:
        await model.close()


async def test_it_is_whole_as_json_as_a_stream_in_the_row_and_on_the_command_line(
    server: Server, gateway: Gateway, tmp_path: Path
) -> None:
    whole = server.text
    assert len(str(whole).encode()) >= SIZE
    answer = (await gateway.ask()).json()
    assert answer["answer"] == whole
    assert answer["finish_reason"] == "stop"
    assert answer["usage"]["calls"] == len(server.requests) >= SIZE // MOST_CHARACTERS
    stored = (await gateway.client.get(f"/chat/{answer['turn_id']}")).json()
    assert stored == answer
    conversation = f"/api/v2/conversations/{answer['conversation_id']}"
    assert (await gateway.client.get(conversation)).json()["turns"] == [answer]

    events = await gateway.events("POST", "/chat", message=QUESTION)
    assert "".join(event.data["text"] for event in events if event.name == "token") == whole
    assert events[-1].data["answer"] == whole

    printed = await ragline(gateway, tmp_path, "ask", QUESTION)
    assert printed.startswith(f"{whole}\n")
    shown = await ragline(gateway, tmp_path, "ask", QUESTION, "--no-stream", "--json")
    assert json.loads(shown)["answer"] == whole


async def ragline(gateway: Gateway, home: Path, *arguments: str) -> str:
    """Return what the command prints."""
    named = await gateway.client.post("/api/v2/auth/api-keys", json={"name": "test"})
    command = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "cli.main",
        *arguments,
        "--url",
        gateway.url,
        "--api-key",
        named.json()["key"],
        stdout=asyncio.subprocess.PIPE,
        env={"HOME": str(home), "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
        cwd=home,
    )
    printed, _ = await asyncio.wait_for(command.communicate(), 60)
    assert command.returncode == 0
    return printed.decode()
