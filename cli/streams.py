"""A stream of events over as many connections as it takes."""

from collections.abc import AsyncIterator, Callable

from cli.client import Api
from cli.failures import ApiProblem, CommandFailed
from cli.patience import Patience, Waiting
from cli.sse import ServerEvent

#: How often in a row a stream may break without bringing an event.
MOST_BREAKS = 8


async def resumed(
    api: Api, path: str, *, is_last: Callable[[ServerEvent], bool], after: str | None = None
) -> AsyncIterator[ServerEvent]:
    """Yield the events behind the event ``after`` up to the last one, each once.

    Raises what ``Api`` raises when the stream breaks too often in a row.
    """
    waiting = Waiting(Patience(reconnects=MOST_BREAKS))
    while True:
        failure = CommandFailed("The server ended the stream before its last event; try again.")
        try:
            async with api.events("GET", path, after=after) as stream:
                async for event in stream.events:
                    waiting.is_through()
                    after = event.event_id or after
                    yield event
                    if is_last(event):
                        return
        except ApiProblem:
            raise
        except CommandFailed as broken:
            failure = broken
        await waiting.out_lost(failure)
