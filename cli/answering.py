"""A question to the API, and its answer as it comes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from cli.answers import Failure, read_as
from cli.client import Api
from cli.failures import BrokenOff, CommandFailed
from cli.sse import ServerEvent
from cli.streams import resumed

#: Ctrl-C does not wait longer than this for the server to hear of it.
CANCEL_SECONDS = 2.0


class Answering:
    """One question; asked when its events are read."""

    def __init__(self, api: Api, body: dict[str, Any]) -> None:
        self._api = api
        self._body = body
        #: Where the turn is, once the API took the question.
        self._place: str | None = None

    async def events(self) -> AsyncIterator[ServerEvent]:
        """Yield the answer's events, each once, up to `done`; an `error` raises its sentence.

        When the connection breaks it goes on where it was. The question is never asked twice.
        """
        after: str | None = None
        try:
            async with self._api.events("POST", "/chat", body=self._body) as stream:
                self._place = stream.location
                async for event in stream.events:
                    after = event.event_id or after
                    yield _checked(event)
                    if _is_last(event):
                        return
        except BrokenOff:
            if self._place is None:
                raise
        if self._place is None:
            raise CommandFailed("The server ended the answer before it began; ask again.")
        path = f"{self._place}/events"
        async for event in resumed(self._api, path, after=after, is_last=_is_last):
            yield _checked(event)

    async def cancel(self) -> None:
        """Stop the answer on the server, too; the model costs nothing more."""
        if self._place is None:
            return
        with suppress(CommandFailed, TimeoutError):
            async with asyncio.timeout(CANCEL_SECONDS):
                await self._api.post(f"{self._place}/cancel", {})


def _is_last(event: ServerEvent) -> bool:
    return event.name in {"done", "error"}


def _checked(event: ServerEvent) -> ServerEvent:
    if event.name == "error":
        failure = read_as(Failure, event.data)
        raise CommandFailed(failure.message or f"The answer failed ({failure.code}); ask again.")
    return event
