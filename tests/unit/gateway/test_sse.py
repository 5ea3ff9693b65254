"""Event streams are framed, kept alive, and ended in order."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import cast

import pytest

from contracts.errors import StoreUnavailable
from gateway.sse import EventStreams, ServerEvent, encode_event


class Source:
    """Events that come when they are told to."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[ServerEvent | Exception | None] = asyncio.Queue()
        self.closed = False

    async def events(self) -> AsyncGenerator[ServerEvent]:
        try:
            while (told := await self.told.get()) is not None:
                if isinstance(told, Exception):
                    raise told
                yield told
        finally:
            await asyncio.sleep(0)
            self.closed = True


def frames(streams: EventStreams, source: Source) -> AsyncGenerator[bytes]:
    response = streams.respond("test", source.events())
    return cast("AsyncGenerator[bytes]", cast("AsyncIterator[bytes]", response.iterator))


def test_an_event_has_an_id_a_name_and_one_line_of_data() -> None:
    event = ServerEvent("job", b'{"a":1}', event_id="7")
    assert encode_event(event) == b'id: 7\nevent: job\ndata: {"a":1}\n\n'
    assert encode_event(ServerEvent("done", b"{}")) == b"event: done\ndata: {}\n\n"


@pytest.mark.asyncio
async def test_a_stream_ends_with_its_source() -> None:
    source = Source()
    for told in (ServerEvent("a", b"1"), ServerEvent("b", b"2"), None):
        source.told.put_nowait(told)
    sent = [frame async for frame in frames(EventStreams(), source)]
    assert sent == [b"event: a\ndata: 1\n\n", b"event: b\ndata: 2\n\n"]
    assert source.closed


@pytest.mark.asyncio
async def test_a_silent_stream_is_kept_alive_and_loses_nothing() -> None:
    source = Source()
    stream = frames(EventStreams(heartbeat_seconds=0.01), source)
    assert (await anext(stream)).startswith(b":")
    assert (await anext(stream)).startswith(b":")
    source.told.put_nowait(ServerEvent("a", b"1"))
    while (frame := await anext(stream)).startswith(b":"):
        pass
    assert frame == b"event: a\ndata: 1\n\n"
    await stream.aclose()


@pytest.mark.asyncio
async def test_a_stopping_server_ends_every_stream() -> None:
    streams, sources = EventStreams(), [Source(), Source()]
    reading = [asyncio.create_task(_read(frames(streams, source))) for source in sources]
    await asyncio.sleep(0.01)
    streams.stop()
    for sent in await asyncio.gather(*reading):
        assert b"come back" in sent[-1]
    assert all(source.closed for source in sources)


@pytest.mark.asyncio
async def test_a_client_that_leaves_closes_the_source() -> None:
    source = Source()
    source.told.put_nowait(ServerEvent("a", b"1"))
    stream = frames(EventStreams(), source)
    await anext(stream)
    leaving = asyncio.create_task(_read(stream))
    await asyncio.sleep(0.01)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert source.closed


@pytest.mark.asyncio
async def test_a_stream_whose_source_is_away_ends_so_that_the_client_comes_back() -> None:
    source = Source()
    source.told.put_nowait(StoreUnavailable())
    [sent] = await _read(frames(EventStreams(), source))
    assert sent.startswith(b":")


async def _read(stream: AsyncGenerator[bytes]) -> list[bytes]:
    return [frame async for frame in stream]
