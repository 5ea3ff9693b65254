"""A chat model as a process: ``python -m benchmarks.scripted_model [PIECES SECONDS]``.

It speaks OpenAI's API on a free port of 127.0.0.1 and prints its address. What a benchmark
measures on top of it is ours. It answers at once, or in so many pieces with a pause of so many
seconds between two. Ends when its standard input does.
"""

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from tests.fixtures.openai_server import OpenAIServer

KEY = "sk-scripted"
MODEL = "scripted"
_START_SECONDS = 30
#: What a talking model says between two pauses: some three tokens.
PIECE = "so it says, "

#: About as long as an answer to a plain question; some 20 pieces of a stream.
ANSWER = (
    "The dome stays shut when the wind is stronger than 54 kilometres an hour [1]. It also stays "
    "shut while the humidity is over 85 per cent, because the mirror would dew up [1]. Whoever is "
    "on duty decides [1]."
)


@asynccontextmanager
async def running_model(pieces: int = 0, seconds: float = 0.0) -> AsyncGenerator[str]:
    """Start it as a child process; yield its base URL. Without pieces it answers at once."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.scripted_model",
        *((str(pieces), str(seconds)) if pieces else ()),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_START_SECONDS):
            line = b"" if process.stdout is None else await process.stdout.readline()
        yield line.decode().strip()
    finally:
        process.terminate()
        await process.wait()


async def _serve(pieces: int = 0, seconds: float = 0.0) -> None:
    text = PIECE * pieces + "[1]." if pieces else ANSWER
    async with OpenAIServer(key=KEY, text=text) as server:
        server.piece, server.delay = len(PIECE), seconds
        print(server.base_url, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    given = sys.argv[1:]
    asyncio.run(_serve(int(given[0]), float(given[1])) if given else _serve())
