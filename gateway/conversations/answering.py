"""The two ways in which a question is answered over HTTP: as one body, or as a stream."""

import asyncio
from collections.abc import Iterator
from typing import Any

from litestar import Request, Response
from litestar.response import Stream

from contracts.errors import RaglineError
from gateway.conversations.asking import Asking
from gateway.conversations.following import Following
from gateway.conversations.schemas import Asked, TurnShown
from gateway.conversations.streaming import Answers
from gateway.refusals import AnswerPending
from gateway.sse import EventStreams
from store.turns import Turn

EVENT_STREAM = "text/event-stream"

Answered = Stream | Response[TurnShown]


def wants_stream(request: Request[Any, Any, Any], asked: Asked) -> bool:
    """Return whether the answer goes out as events."""
    return asked.stream or EVENT_STREAM in request.headers.get("accept", "").lower()


async def respond(
    asking: Asking, turn: Turn, following: Following, streams: EventStreams | None
) -> Answered:
    """Answer with events where there are ``streams``, else with the whole answer as JSON.

    Raises ``AnswerPending`` after ANSWER_TIMEOUT, and the turn's own error when it failed.
    """
    answers = Answers(store=asking.store, hub=asking.hub, tenant_id=asking.principal.tenant_id)
    headers = {"Location": f"/chat/{turn.turn_id}"}
    if streams is not None:
        response = streams.respond("chat", answers.live(turn, following))
        response.headers.update(headers)
        return response
    seconds = asking.settings.answer_timeout
    try:
        async with asyncio.timeout(seconds):
            turn = await answers.whole(following)
    except TimeoutError:
        raise AnswerPending(
            f"There is no whole answer after {seconds:g} s. It is still worked on: read it at "
            f"/chat/{turn.turn_id}, or follow it at /chat/{turn.turn_id}/events."
        ) from None
    if turn.state == "failed":
        raise _error(turn)
    return Response(TurnShown.of(turn), headers=headers)


def _error(turn: Turn) -> RaglineError:
    """Return the error that the turn failed with, as the responder met it."""
    kind = _KINDS.get(turn.error_code or "", RaglineError)
    return kind(turn.error_message)


def _kinds(kind: type[RaglineError]) -> Iterator[tuple[str, type[RaglineError]]]:
    yield kind.code, kind
    for narrower in kind.__subclasses__():
        if narrower.__module__ == RaglineError.__module__:
            yield from _kinds(narrower)


#: The errors that any process may meet, by the code that a turn keeps.
_KINDS = dict(_kinds(RaglineError))
