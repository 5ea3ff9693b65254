"""A start is over when everything has answered, also what had to be started twice."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from cli.local.stack import all_ready

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def ready() -> AsyncIterator[int]:
    """The port of a process that is ready."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def test_a_worker_that_died_while_it_started_is_asked_at_its_new_port(
    ready: int, tmp_path: Path
) -> None:
    port_file = tmp_path / "run" / "parser.port"
    port_file.parent.mkdir()
    with socket.socket() as dead:
        dead.bind(("127.0.0.1", 0))
        port_file.write_text(str(dead.getsockname()[1]))
        waiting = asyncio.create_task(all_ready(f"http://127.0.0.1:{ready}", tmp_path, ["parser"]))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        port_file.write_text("")  # as it is for a moment while it is written
        await asyncio.sleep(0.3)
        port_file.write_text(str(ready))
        async with asyncio.timeout(5):
            await waiting
