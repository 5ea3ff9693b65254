"""Conversations: a user's questions and answers, in order."""
# ruff: noqa: S608 - statements are put together from constants, never from values

from dataclasses import dataclass
from datetime import datetime

from contracts import ids
from contracts.ids import ConversationId, UserId
from runtime.postgres import Connection

CREATE = """
INSERT INTO conversations (conversation_id, tenant_id, user_id, title)
VALUES ($1, current_tenant(), $2, $3)
RETURNING conversation_id, user_id, title, created_at, updated_at, 0 AS turns
"""

_SHOWN = """
SELECT conversation_id, user_id, title, created_at, updated_at,
       (SELECT count(*) FROM turns
        WHERE turns.conversation_id = conversation.conversation_id) AS turns
FROM conversations conversation
WHERE tenant_id = current_tenant() AND user_id = $1
"""

# One conversation of a user.
GET = f"{_SHOWN} AND conversation_id = $2"

# A page of a user's list, the last used first, after a given conversation.
LIST = f"""{_SHOWN}
  AND (updated_at, conversation_id) < (
      CASE WHEN $3::uuid IS NULL THEN 'infinity'
           ELSE (SELECT updated_at FROM conversations WHERE conversation_id = $3) END, $3)
ORDER BY updated_at DESC, conversation_id DESC
LIMIT $2
"""

# With its turns; the schema says so.
DELETE = """
DELETE FROM conversations
WHERE tenant_id = current_tenant() AND conversation_id = $1 AND user_id = $2
"""

TOUCH = """
UPDATE conversations SET updated_at = now()
WHERE tenant_id = current_tenant() AND conversation_id = $1
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Conversation:
    """A conversation, and how many turns it has."""

    conversation_id: ConversationId
    user_id: UserId
    title: str
    created_at: datetime
    updated_at: datetime
    turns: int


class Conversations:
    """The conversations of one tenant's users."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def create(self, user_id: UserId, title: str) -> Conversation:
        """Begin a conversation."""
        row = await self._connection.row(CREATE, ids.new_id(), user_id, title)
        if row is None:
            raise RuntimeError("INSERT … RETURNING returned nothing.")
        return Conversation(**row)

    async def get(self, conversation_id: ConversationId, user_id: UserId) -> Conversation | None:
        """Return a conversation of this user, None when it is not theirs."""
        row = await self._connection.row(GET, user_id, conversation_id)
        return None if row is None else Conversation(**row)

    async def list(
        self, user_id: UserId, *, limit: int, after: ConversationId | None = None
    ) -> list[Conversation]:
        """Return at most ``limit`` conversations, the last used first, after ``after``."""
        rows = await self._connection.rows(LIST, user_id, limit, after)
        return [Conversation(**row) for row in rows]

    async def delete(self, conversation_id: ConversationId, user_id: UserId) -> bool:
        """Delete a conversation of this user with its turns; False when there is none."""
        return await self._connection.change(DELETE, conversation_id, user_id) == 1

    async def touch(self, conversation_id: ConversationId) -> None:
        """Note that the conversation was just used."""
        await self._connection.change(TOUCH, conversation_id)
