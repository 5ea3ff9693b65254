"""Reads server-sent events (the HTML standard, section 9.2.6)."""

import re
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass

# Lines end with CR LF, LF or CR and nothing else: `str.splitlines` would also cut at U+2028, which
# may stand in the middle of JSON.
_LINE_END = re.compile(rb"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event of a stream."""

    name: str
    data: bytes
    #: What to send as ``Last-Event-ID`` to go on after this event.
    event_id: str | None


async def read_events(chunks: AsyncIterable[bytes]) -> AsyncIterator[ServerEvent]:
    """Yield the whole events of a stream; one that is cut off at its end is dropped."""
    name, data, event_id = "message", list[bytes](), None
    async for line in _lines(chunks):
        if not line:
            if data:
                yield ServerEvent(name, b"\n".join(data), event_id)
            name, data = "message", []
            continue
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        match field:
            case b"event":
                name = value.decode(errors="replace")
            case b"data":
                data.append(value)
            case b"id" if b"\0" not in value:
                event_id = value.decode(errors="replace")
            case _:  # a comment, or a field that this reader has no use for
                pass


async def _lines(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    rest = b""
    async for chunk in chunks:
        rest += chunk
        # A CR at the very end may be the first half of CR LF.
        held, rest = (rest[-1:], rest[:-1]) if rest.endswith(b"\r") else (b"", rest)
        *lines, rest = _LINE_END.split(rest)
        rest += held
        for line in lines:
            yield line
    for line in _LINE_END.split(rest)[:-1]:
        yield line
