import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.sse import ServerEvent, read_events


def read(*chunks: bytes) -> list[ServerEvent]:
    async def stream() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    async def collect() -> list[ServerEvent]:
        return [event async for event in read_events(stream())]

    return asyncio.run(collect())


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_reads_events_whatever_ends_their_lines(end: bytes) -> None:
    stream = end.join([b"id: 7", b"event: token", b'data: {"text":"a"}', b"", b"data: b", b"", b""])

    assert read(stream) == [
        ServerEvent("token", b'{"text":"a"}', "7"),
        ServerEvent("message", b"b", "7"),
    ]


def test_does_not_cut_a_line_at_a_line_separator_in_the_text() -> None:
    text = "one\u2028two\x85three\x0bfour"

    [event] = read(f"data: {text}\n\n".encode())

    assert event.data.decode() == text


def test_joins_several_data_lines() -> None:
    assert read(b"data: a\ndata:b\n\n") == [ServerEvent("message", b"a\nb", None)]


def test_passes_over_comments_and_events_without_data() -> None:
    assert read(b": alive\n\nevent: nothing\n\nretry: 5\ndata: x\n\n") == [
        ServerEvent("message", b"x", None)
    ]


def test_drops_an_event_that_is_cut_off() -> None:
    assert read(b"data: whole\n\n", b"event: token\ndata: {") == [
        ServerEvent("message", b"whole", None)
    ]


STREAM = b": hello\r\n\r\nid: 1\r\nevent: a\r\ndata: \xe2\x82\xac\r\n\r\nid: 2\ndata: y\n\n"


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_reads_the_same_however_the_stream_is_cut(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(STREAM)]
    chunks = [STREAM[start:end] for start, end in pairwise(places)]

    assert read(*chunks) == read(STREAM)
