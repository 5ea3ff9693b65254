"""`/chat`: questions, and their answers as they come."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.params import FromPath, HeaderParameter, JSONBody
from litestar.response import Stream
from litestar.status_codes import HTTP_200_OK, HTTP_204_NO_CONTENT

from contracts.ids import TurnId
from gateway.auth.guards import may_ask
from gateway.conversations.answering import Answered, respond, wants_stream
from gateway.conversations.asking import Asking
from gateway.conversations.cancelling import cancel
from gateway.conversations.deltas import DeltaHub
from gateway.conversations.history import ConversationsController
from gateway.conversations.schemas import Message, TurnShown
from gateway.conversations.streaming import Answers
from gateway.conversations.view import Position
from gateway.dependencies import Given
from gateway.principal import Principal
from gateway.problems import documented
from gateway.refusals import NotFound
from gateway.sse import EventStreams
from runtime.clock import Clock
from runtime.settings import Settings
from store import Store
from store.turns import Turn

__all__ = ["ChatController", "ConversationsController"]


class ChatController(Controller):
    """Answers questions."""

    path = "/chat"
    tags = ("chat",)
    guards = (may_ask,)

    @post(
        operation_id="chat",
        summary="Ask a question",
        status_code=HTTP_200_OK,
        responses=documented(400, 401, 404, 409, 413, 422, 502, 504),
    )
    async def ask(  # noqa: PLR0913, PLR0917 - collaborators
        self,
        data: JSONBody[Message],
        request: Request[Any, Any, Any],
        principal: Given[Principal],
        settings: Given[Settings],
        store: Given[Store],
        clock: Given[Clock],
        delta_hub: Given[DeltaHub],
        streams: Given[EventStreams],
    ) -> Answered:
        """Answer from your documents, with citations; as JSON, or as server-sent events.

        Events: `step`s where the agent takes any, `sources`, `token`s and `citation`s as they come,
        then `done` (the whole turn) or `error`. After `restart`, what came before no longer counts.
        To go on after a broken connection, ask for `/chat/{turn_id}/events` with `Last-Event-ID`.
        """
        asking = Asking(
            store=store, hub=delta_hub, settings=settings, clock=clock, principal=principal
        )
        turn, following = await asking.ask(data.message, data, agent=data.agent, field="message")
        return await respond(
            asking, turn, following, streams if wants_stream(request, data) else None
        )

    @get(
        "/{turn_id:uuid}",
        operation_id="getTurn",
        summary="Read a question and its answer",
        responses=documented(401, 404),
    )
    async def read(
        self, turn_id: FromPath[UUID], principal: Given[Principal], store: Given[Store]
    ) -> TurnShown:
        """Return the question with its answer, as far as it is."""
        return TurnShown.of(await _find(store, principal, turn_id))

    @get(
        "/{turn_id:uuid}/events",
        operation_id="followTurn",
        summary="Follow an answer",
        media_type="text/event-stream",
        responses=documented(401, 404),
    )
    async def events(
        self,
        turn_id: FromPath[UUID],
        principal: Given[Principal],
        store: Given[Store],
        delta_hub: Given[DeltaHub],
        streams: Given[EventStreams],
        last_event_id: Annotated[
            str | None,
            HeaderParameter(name="Last-Event-ID", description="Go on after this event."),
        ] = None,
    ) -> Stream | Response[None]:
        """Send the events of an answer from its beginning, or from where the client was.

        Any gateway can, whichever took the question. A client that has seen the end gets 204,
        which tells browsers to stop coming back.
        """
        turn = await _find(store, principal, turn_id)
        seen = Position.parse(last_event_id)
        if turn.has_ended and seen.has_ended:
            return Response(None, status_code=HTTP_204_NO_CONTENT)
        answers = Answers(store=store, hub=delta_hub, tenant_id=principal.tenant_id)
        return streams.respond("chat", answers.again(turn, seen))

    @post(
        "/{turn_id:uuid}/cancel",
        operation_id="cancelTurn",
        summary="Cancel an answer",
        status_code=HTTP_200_OK,
        responses=documented(401, 404),
    )
    async def cancel(
        self, turn_id: FromPath[UUID], principal: Given[Principal], store: Given[Store]
    ) -> TurnShown:
        """Stop answering, the model call too, and keep what was said.

        An answer that is whole already stays as it is.
        """
        await _find(store, principal, turn_id)
        return TurnShown.of(await cancel(store, principal.tenant_id, TurnId(turn_id)))


async def _find(store: Store, principal: Principal, turn_id: UUID) -> Turn:
    """Return the turn; ``NotFound`` when it is not in a conversation of the caller."""
    async with store.tenant(principal.tenant_id) as tx:
        turn = await tx.turns.get(TurnId(turn_id))
        if turn is not None:
            mine = await tx.conversations.get(turn.conversation_id, principal.user_id)
            if mine is not None:
                return turn
    raise NotFound("There is no such question.")
