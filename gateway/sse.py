"""Server-sent events: framing, heartbeats, and an orderly end when the server stops."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any

import anyio
import structlog
from litestar.response import Stream

from contracts.errors import Retryable
from runtime import metrics

log = structlog.get_logger(__name__)

#: Proxies cut connections that are silent for a minute, some for 30 s.
HEARTBEAT_SECONDS = 15.0

#: Proxies must neither store nor collect events.
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event; ``data`` is JSON in one line."""

    event: str
    data: bytes
    #: What a client sends back as ``Last-Event-ID`` to go on after this event.
    event_id: str | None = None


class EventStreams:
    """The event streams that this process has open."""

    def __init__(self, *, heartbeat_seconds: float = HEARTBEAT_SECONDS) -> None:
        self._heartbeat_seconds = heartbeat_seconds
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """End every stream; clients come back with ``Last-Event-ID``."""
        self._stopping.set()

    def respond(self, kind: str, events: AsyncGenerator[ServerEvent]) -> Stream:
        """Return the response that sends ``events``; they are closed when the client leaves."""
        return Stream(
            self._frames(kind, events), media_type="text/event-stream", headers=dict(HEADERS)
        )

    async def _frames(self, kind: str, events: AsyncGenerator[ServerEvent]) -> AsyncIterator[bytes]:
        stopping = asyncio.create_task(self._stopping.wait())
        metrics.OPEN_STREAMS.labels(kind).inc()
        try:
            async with aclosing(self._beating(events, stopping)) as frames:
                async for frame in frames:
                    yield frame
        except Retryable as error:
            log.warning("stream_broken_off", kind=kind, reason=error.message)
            yield b": something is away; come back with Last-Event-ID\n\n"
        finally:
            metrics.OPEN_STREAMS.labels(kind).dec()
            stopping.cancel()
            # The client's leaving cancels this scope; the source must still be closed in order.
            with anyio.CancelScope(shield=True):
                await events.aclose()

    async def _beating(
        self, events: AsyncGenerator[ServerEvent], stopping: asyncio.Task[Any]
    ) -> AsyncGenerator[bytes]:
        following: asyncio.Task[ServerEvent | None] | None = None
        try:
            while True:
                following = following or asyncio.create_task(_next(events))
                await asyncio.wait(
                    {following, stopping},
                    timeout=self._heartbeat_seconds,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if following.done():
                    event, following = following.result(), None
                    if event is None:
                        return
                    yield encode_event(event)
                elif stopping.done():
                    yield b": the server is stopping; come back with Last-Event-ID\n\n"
                    return
                else:
                    yield b": alive\n\n"
        finally:
            if following is not None:
                await _end(following)


async def _next(events: AsyncGenerator[ServerEvent]) -> ServerEvent | None:
    return await anext(events, None)


async def _end(following: asyncio.Task[ServerEvent | None]) -> None:
    following.cancel()
    with anyio.CancelScope(shield=True), suppress(asyncio.CancelledError):
        await following


def encode_event(event: ServerEvent) -> bytes:
    """Return the event in the wire format of HTML's server-sent events."""
    head = f"id: {event.event_id}\n" if event.event_id is not None else ""
    return f"{head}event: {event.event}\ndata: ".encode() + event.data + b"\n\n"
