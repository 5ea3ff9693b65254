"""What is remembered of a conversation: its beginning in short, then its exchanges."""
# ruff: noqa: S608 - statements are put together from constants, never from values

from dataclasses import dataclass

from contracts.ids import ConversationId
from runtime.postgres import Connection

SUMMARY = """
SELECT summary, summarized_through FROM conversations
WHERE tenant_id = current_tenant() AND conversation_id = $1
"""

# The exchanges after the summary and before a turn, with the room that each and all after it take.
_PAST = """
WITH past AS (
    SELECT ordinal, question, answer,
           sum(char_length(question) + char_length(answer)) OVER (ORDER BY ordinal DESC) AS taken
    FROM turns
    WHERE tenant_id = current_tenant() AND conversation_id = $1 AND state = 'done'
      AND ordinal > $2 AND ordinal < $3
)
"""

# As many of the latest as there is room for, whole.
EXCHANGES = f"{_PAST} SELECT ordinal, question, answer FROM past WHERE taken <= $4 ORDER BY ordinal"

# How many there is no room for.
UNREAD = f"{_PAST} SELECT count(*) FROM past WHERE taken > $4"

# A summary never goes back: a turn that is answered late knows less.
KEEP = """
UPDATE conversations SET summary = $2, summarized_through = $3
WHERE tenant_id = current_tenant() AND conversation_id = $1 AND summarized_through < $3
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Remembered:
    """A question of a conversation and its whole answer."""

    ordinal: int
    question: str
    answer: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """A conversation before a turn."""

    summary: str
    #: After those in the summary, the oldest first.
    exchanges: list[Remembered]
    #: How many between the two there was no room for.
    unread: int


class Memories:
    """What is remembered of one tenant's conversations."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def recall(
        self, conversation_id: ConversationId, *, before: int, characters: int
    ) -> Memory:
        """Return what was said before the turn ``before``, in at most so many characters.

        Only turns that were answered count. A conversation that is gone has no past.
        """
        row = await self._connection.row(SUMMARY, conversation_id)
        if row is None:
            return Memory(summary="", exchanges=[], unread=0)
        values = (conversation_id, row["summarized_through"], before, characters)
        rows = await self._connection.rows(EXCHANGES, *values)
        unread: int = await self._connection.value(UNREAD, *values)
        return Memory(
            summary=row["summary"], exchanges=[Remembered(**row) for row in rows], unread=unread
        )

    async def keep(self, conversation_id: ConversationId, summary: str, through: int) -> None:
        """Keep the short form of all turns up to the ordinal ``through``."""
        await self._connection.change(KEEP, conversation_id, summary, through)
