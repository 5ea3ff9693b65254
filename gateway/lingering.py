"""Answering before a request's body is read, so that the client gets to see the answer.

A connection closed on unread data is reset, and the reset may overtake the answer. So the answer
goes out, a bounded rest of the body is read and dropped, and only then the connection closes.
"""

import asyncio
from contextlib import suppress

from gateway.asgi import App, Message, Receive, Scope, Send

#: A rest this small is left to the server, and the connection is kept.
SMALL_REST = 64 * 1024
MOST_DROPPED = 16 * 1024 * 1024
LONGEST_SECONDS = 2.0


class Lingering:
    """An ASGI layer that ends requests politely whose body was not wanted."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; linger when its body is left unread."""
        if scope["type"] != "http" or not _has_large_body(scope):
            await self._app(scope, receive, send)
            return
        body = _Body(receive)
        await self._app(scope, body.receive, _Answer(body, send).send)


class _Body:
    """The request's body; knows whether it was read to its end."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.is_read = False

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] != "http.request" or not message.get("more_body"):
            self.is_read = True
        return message

    async def drop(self) -> None:
        dropped = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_SECONDS):
                while not self.is_read and dropped < MOST_DROPPED:
                    message = await self.receive()
                    dropped += len(message.get("body", b""))


class _Answer:
    """The response; its last message waits for the rest of the body."""

    def __init__(self, body: _Body, send: Send) -> None:
        self._body = body
        self._send = send

    async def send(self, message: Message) -> None:
        if self._body.is_read:
            await self._send(message)
        elif message["type"] == "http.response.start":
            headers = [*message.get("headers", ()), (b"connection", b"close")]
            await self._send({**message, "headers": headers})
        elif message.get("more_body"):
            await self._send(message)
        else:
            await self._send({**message, "more_body": True})
            await self._body.drop()
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})


def _has_large_body(scope: Scope) -> bool:
    headers = dict(scope["headers"])
    length = headers.get(b"content-length", b"0")
    return b"transfer-encoding" in headers or not length.isdigit() or int(length) > SMALL_REST
