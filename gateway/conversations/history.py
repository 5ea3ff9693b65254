"""`/api/v2/conversations`."""

from typing import Annotated
from uuid import UUID

from litestar import Controller, delete, get
from litestar.params import FromPath, QueryParameter

from contracts.ids import ConversationId
from gateway.auth.guards import may_read
from gateway.conversations.schemas import (
    ConversationPage,
    ConversationRead,
    ConversationShown,
    TurnShown,
)
from gateway.dependencies import Given
from gateway.paging import DEFAULT_LIMIT, After, Limit
from gateway.principal import Principal
from gateway.problems import documented
from gateway.refusals import NotFound
from store import Store


class ConversationsController(Controller):
    """Shows and deletes the caller's own conversations."""

    path = "/api/v2/conversations"
    tags = ("chat",)
    guards = (may_read,)

    @get(
        operation_id="listConversations",
        summary="List your conversations",
        responses=documented(400, 401, 403, 422),
    )
    async def list_conversations(
        self,
        principal: Given[Principal],
        store: Given[Store],
        limit: Limit = DEFAULT_LIMIT,
        after: After = None,
    ) -> ConversationPage:
        """Return your conversations, the one used last first."""
        async with store.tenant(principal.tenant_id) as tx:
            rows = await tx.conversations.list(
                principal.user_id,
                limit=limit + 1,
                after=ConversationId(after) if after else None,
            )
        return ConversationPage.of(rows, limit, ConversationShown.of)

    @get(
        "/{conversation_id:uuid}",
        operation_id="getConversation",
        summary="Read a conversation",
        responses=documented(400, 401, 403, 404, 422),
    )
    async def read(
        self,
        conversation_id: FromPath[UUID],
        principal: Given[Principal],
        store: Given[Store],
        limit: Limit = DEFAULT_LIMIT,
        before: Annotated[
            int | None,
            QueryParameter(
                name="before", ge=1, le=2**31 - 1, description="Turns before this ordinal."
            ),
        ] = None,
    ) -> ConversationRead:
        """Return a conversation with its last turns, oldest first."""
        wanted = ConversationId(conversation_id)
        async with store.tenant(principal.tenant_id) as tx:
            conversation = await tx.conversations.get(wanted, principal.user_id)
            if conversation is None:
                raise NotFound("There is no such conversation.")
            turns = await tx.turns.history(wanted, limit=limit + 1, before=before)
        shown = turns[-limit:]
        return ConversationRead(
            conversation=ConversationShown.of(conversation),
            turns=[TurnShown.of(turn) for turn in shown],
            has_more=len(turns) > limit,
            first_ordinal=shown[0].ordinal if shown else None,
        )

    @delete(
        "/{conversation_id:uuid}",
        operation_id="deleteConversation",
        summary="Delete a conversation",
        responses=documented(401, 403, 404),
    )
    async def delete(
        self, conversation_id: FromPath[UUID], principal: Given[Principal], store: Given[Store]
    ) -> None:
        """Delete a conversation with all of its questions and answers."""
        async with store.tenant(principal.tenant_id) as tx:
            deleted = await tx.conversations.delete(
                ConversationId(conversation_id), principal.user_id
            )
        if not deleted:
            raise NotFound("There is no such conversation.")
