"""`/agents`: ask one by its name, and see how they are."""

from collections.abc import Mapping
from typing import Any

from litestar import Controller, Request, get, post
from litestar.params import JSONBody
from litestar.status_codes import HTTP_200_OK

from gateway.agents.schemas import AgentsStatus, Query
from gateway.agents.status import read_status
from gateway.auth.guards import may_ask, may_read
from gateway.conversations.answering import Answered, respond, wants_stream
from gateway.conversations.asking import Asking
from gateway.conversations.deltas import DeltaHub
from gateway.dependencies import Given
from gateway.principal import Principal
from gateway.problems import documented
from gateway.sse import EventStreams
from runtime.clock import Clock
from runtime.kafka import KafkaConnection
from runtime.settings import Settings
from store import Store


class AgentsController(Controller):
    """Asks agents and shows them."""

    path = "/agents"
    tags = ("agents",)

    @post(
        "/query",
        guards=(may_ask,),
        operation_id="queryAgent",
        summary="Ask an agent",
        status_code=HTTP_200_OK,
        responses=documented(400, 401, 404, 409, 413, 422, 502, 504),
    )
    async def query(  # noqa: PLR0913, PLR0917 - collaborators
        self,
        data: JSONBody[Query],
        request: Request[Any, Any, Any],
        principal: Given[Principal],
        settings: Given[Settings],
        store: Given[Store],
        clock: Given[Clock],
        delta_hub: Given[DeltaHub],
        streams: Given[EventStreams],
    ) -> Answered:
        """Answer as `/chat` does, by the agent of this name."""
        asking = Asking(
            store=store, hub=delta_hub, settings=settings, clock=clock, principal=principal
        )
        turn, following = await asking.ask(data.input, data, agent=data.agent, field="input")
        return await respond(
            asking, turn, following, streams if wants_stream(request, data) else None
        )

    @get(
        "/status",
        guards=(may_read,),
        operation_id="agentsStatus",
        summary="See how agents and workers are",
        responses=documented(401, 403),
    )
    async def status(
        self,
        principal: Given[Principal],
        store: Given[Store],
        kafka: Given[KafkaConnection],
        providers: Given[Mapping[str, str]],
        clock: Given[Clock],
    ) -> AgentsStatus:
        """Return the agents, and of each worker replicas, lag, model and last error."""
        return await read_status(
            store=store,
            kafka=kafka,
            providers=providers,
            tenant_id=principal.tenant_id,
            clock=clock,
        )
