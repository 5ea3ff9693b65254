"""Clients that read slowly, wait long, or leave: what they do is felt by nobody else."""

import asyncio
import socket
from contextlib import suppress

import httpx
import msgspec
import pytest

from gateway.sse import EventStreams
from runtime.metrics import OPEN_STREAMS
from tests.integration.conversations.conftest import (
    QUESTION,
    Gateway,
    ScriptedModel,
    World,
    events_of,
    until,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: More than fits between a server and a client that does not read.
PIECES = tuple(f"{number:06} ".ljust(2_000, "x") for number in range(1_500))


class Sleeper:
    """A client that asks for a stream and reads nothing of it until it is told to."""

    def __init__(self, gateway: Gateway) -> None:
        self._url = httpx.URL(gateway.url)
        self._token = gateway.client.headers["Authorization"]
        self._socket = socket.socket()

    async def ask(self) -> None:
        body = msgspec.json.encode({"message": QUESTION, "stream": True})
        head = (
            "POST /chat HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
            f"Authorization: {self._token}\r\nConnection: close\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.setblocking(False)  # noqa: FBT003 - the only way
        loop = asyncio.get_running_loop()
        await loop.sock_connect(self._socket, (self._url.host, self._url.port))
        await loop.sock_sendall(self._socket, head.encode() + body)

    async def text(self) -> str:
        """Read everything that is left and return the answer's text, as its tokens say it."""
        loop, received = asyncio.get_running_loop(), bytearray()
        while piece := await loop.sock_recv(self._socket, 1 << 16):
            received += piece
        self._socket.close()
        head, _, rest = bytes(received).partition(b"\r\n\r\n")
        response = httpx.Response(200, content=_dechunked(rest))
        assert b"200" in head.splitlines()[0]
        events = [event async for event in events_of(response)]
        assert events[-1].name == "done"
        return "".join(event.data["text"] for event in events if event.name == "token")


def _dechunked(body: bytes) -> bytes:
    whole, at = bytearray(), 0
    while True:
        end = body.index(b"\r\n", at)
        size = int(body[at:end], 16)
        if not size:
            return bytes(whole)
        whole += body[end + 2 : end + 2 + size]
        at = end + size + 4


async def test_a_client_that_does_not_read_holds_nobody(world: World) -> None:
    model = ScriptedModel(*PIECES)
    async with world.responder([model]), world.gateway() as gateway:
        sleeper = Sleeper(gateway)
        await sleeper.ask()
        await until(lambda: model.closed == 1, seconds=60)
        async with asyncio.timeout(30):
            others = await asyncio.gather(
                *(gateway.events("POST", "/chat", message=QUESTION) for _ in range(2))
            )
        for events in others:
            assert events[-1].name == "done"
        assert await sleeper.text() == "".join(PIECES)


async def test_an_answer_whose_reader_left_is_stored_whole(world: World) -> None:
    model = ScriptedModel("Thirty ", "days [1].")
    model.released.clear()
    open_before = _open_streams()
    async with world.responder([model]), world.gateway() as gateway:
        async with gateway.stream("POST", "/chat", message=QUESTION) as (response, events):
            while (await anext(events)).name != "token":
                pass
            path = response.headers["location"]
            assert _open_streams() == open_before + 1
        await until(lambda: _open_streams() == open_before)
        model.released.set()
        turn = await gateway.ended(path)
        assert turn["answer"] == "Thirty days [1]."
        assert turn["citations"]
        again = await gateway.events("GET", f"{path}/events")
    assert [again[0].name, again[-1].name] == ["sources", "done"]


async def test_a_client_that_leaves_a_body_it_waited_for_costs_nothing_more(world: World) -> None:
    model = ScriptedModel("Thirty ", "days [1].")
    model.released.clear()
    async with world.responder([model]), world.gateway() as gateway:
        asking = asyncio.create_task(gateway.ask())
        await until(lambda: len(model.prompts) == 1)
        asking.cancel()
        with suppress(asyncio.CancelledError):
            await asking
        model.released.set()
        await until(lambda: model.closed == 1)
        listed = (await gateway.client.get("/api/v2/conversations?limit=1")).json()["data"]
        path = f"/api/v2/conversations/{listed[0]['conversation_id']}"
        [asked] = (await gateway.client.get(path)).json()["turns"]
        turn = await gateway.ended(f"/chat/{asked['turn_id']}")
    assert turn["answer"] == "Thirty days [1]."


async def test_a_silent_stream_shows_that_it_is_alive(world: World) -> None:
    model = ScriptedModel("Thirty ", "days [1].")
    model.released.clear()
    streams = EventStreams(heartbeat_seconds=0.1)
    body = {"message": QUESTION, "stream": True}
    async with world.responder([model]), world.gateway(streams=streams) as gateway:
        async with gateway.client.stream("POST", "/chat", json=body) as response:
            beats = 0
            async for line in response.aiter_lines():
                beats += line == ": alive"
                if beats == 3:
                    model.released.set()
        assert beats >= 3
        assert line == ""
        turn = (await gateway.client.get(response.headers["location"])).json()
    assert turn["state"] == "done"


def _open_streams() -> float:
    return float(OPEN_STREAMS.labels("chat")._value.get())  # noqa: SLF001 - nothing else tells it
