"""Turns: a question with its answer, owned by whoever holds the lease.

Leases are measured by the database's clock. Each claim is another attempt; what an earlier attempt
still wants to write is refused.
"""
# ruff: noqa: S608 - statements are put together from constants, never from values

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, TypeAlias

import asyncpg
import msgspec

from contracts.conversations import Citation, Source, Step, Usage
from contracts.ids import ConversationId, TurnId
from runtime.postgres import Connection

TurnState = Literal["waiting", "answering", "done", "failed", "cancelled"]

_COLUMNS = """turn_id, conversation_id, ordinal, agent, question, options, state, answer, sources,
    citations, model, usage, timings, finish_reason, generation_id, error_code, error_message,
    trace_id, steps, standalone_question, reply_partition, first_offset, lease_owner, lease_until,
    attempt, created_at, finished_at,
    state = 'cancelled' AND coalesce(lease_until > clock_timestamp(), false) AS is_closing"""

# The turns of a conversation are numbered under the lock of its row. A statement of its own: the
# highest number must be read after the lock was had.
LOCK_CONVERSATION = """
UPDATE conversations SET updated_at = now()
WHERE tenant_id = current_tenant() AND conversation_id = $1
"""
ASK = f"""
INSERT INTO turns (turn_id, tenant_id, conversation_id, agent, question, options, reply_partition,
                   trace_id, state, ordinal)
SELECT $1, current_tenant(), $2, $3, $4, $5, $6, $7, 'waiting',
       (SELECT coalesce(max(ordinal), 0) + 1 FROM turns WHERE conversation_id = $2)
RETURNING {_COLUMNS}
"""

GET = f"SELECT {_COLUMNS} FROM turns WHERE tenant_id = current_tenant() AND turn_id = $1"

# The last turns of a conversation, before a given one.
HISTORY = f"""
SELECT * FROM (
    SELECT {_COLUMNS} FROM turns
    WHERE tenant_id = current_tenant() AND conversation_id = $1
      AND ordinal < coalesce($3, 2147483647)
    ORDER BY ordinal DESC
    LIMIT $2
) AS last
ORDER BY ordinal
"""

# Begin to answer, or take over from somebody whose lease has run out.
CLAIM = f"""
UPDATE turns
SET state = 'answering', lease_owner = $2, attempt = attempt + 1,
    lease_until = clock_timestamp() + make_interval(secs => $3)
WHERE tenant_id = current_tenant() AND turn_id = $1 AND state IN ('waiting', 'answering')
  AND (lease_until IS NULL OR lease_until <= clock_timestamp())
RETURNING {_COLUMNS}
"""

# Why it could not be claimed.
LOOK = f"""
SELECT {_COLUMNS},
       greatest(0, extract(epoch FROM lease_until - clock_timestamp()))::float8 AS wait_seconds
FROM turns
WHERE tenant_id = current_tenant() AND turn_id = $1
"""

# Whoever writes must still be the one who answers.
_OWNED = """
WHERE tenant_id = current_tenant() AND turn_id = $1 AND attempt = $2 AND lease_owner = $3
  AND state = 'answering'
"""
EXTEND = f"""
UPDATE turns SET lease_until = clock_timestamp() + make_interval(secs => $4) {_OWNED}
"""
FINISH = f"""
UPDATE turns
SET state = 'done', answer = $4, sources = $5, citations = $6, model = $7, usage = $8,
    timings = $9, finish_reason = $10, generation_id = $11, steps = $12,
    standalone_question = $13, finished_at = now()
{_OWNED}
"""
FAIL = f"""
UPDATE turns
SET state = 'failed', error_code = $4, error_message = $5, answer = $6, sources = $7,
    citations = $8, steps = $9, usage = $10, finished_at = now()
{_OWNED}
"""

# What had been said when it was cancelled; whoever answered lets go of the turn with it.
KEEP = """
UPDATE turns
SET answer = $4, sources = $5, citations = $6, steps = $7, usage = $8, lease_until = NULL
WHERE tenant_id = current_tenant() AND turn_id = $1 AND attempt = $2 AND lease_owner = $3
  AND state = 'cancelled'
"""

# Where the deltas of an attempt begin.
SET_FIRST_OFFSET = """
UPDATE turns SET first_offset = $3
WHERE tenant_id = current_tenant() AND turn_id = $1 AND attempt = $2
"""

# Nobody answers it, and nobody will.
FAIL_UNOWNED = """
UPDATE turns
SET state = 'failed', error_code = $2, error_message = $3, finished_at = now()
WHERE tenant_id = current_tenant() AND turn_id = $1 AND state IN ('waiting', 'answering')
  AND (lease_until IS NULL OR lease_until <= clock_timestamp())
"""

# The user does not want it any more; whoever answers may not go on, and has the rest of the lease
# to keep what was said.
CANCEL = """
UPDATE turns SET state = 'cancelled', finished_at = now()
WHERE tenant_id = current_tenant() AND turn_id = $1 AND state IN ('waiting', 'answering')
"""


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """A question and what became of it."""

    turn_id: TurnId
    conversation_id: ConversationId
    #: Counts the conversation's turns from 1.
    ordinal: int
    agent: str
    question: str
    options: dict[str, Any]
    state: TurnState
    #: Whole when ``done``; when ``failed`` or ``cancelled`` as far as it came.
    answer: str
    sources: list[Source]
    citations: list[Citation]
    model: str | None
    usage: Usage | None
    #: By name, as the answer gave them.
    timings: dict[str, float] | None
    finish_reason: str | None
    generation_id: int | None
    error_code: str | None
    error_message: str | None
    trace_id: str | None
    #: What was done on the way to the answer.
    steps: list[Step]
    #: The question as it was searched for, where the conversation was needed to understand it.
    standalone_question: str | None
    reply_partition: int
    first_offset: int | None
    lease_owner: str | None
    lease_until: datetime | None
    attempt: int
    created_at: datetime
    finished_at: datetime | None
    #: It was cancelled, and whoever answered it is about to keep what was said.
    is_closing: bool = False

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will change."""
        return self.state in {"done", "failed", "cancelled"} and not self.is_closing


class Claimed(msgspec.Struct, frozen=True, kw_only=True):
    """The turn is ours; ``turn.attempt`` and the owner go with every write."""

    turn: Turn
    state: Literal["claimed"] = "claimed"


class Busy(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody is answering; look again after ``wait_seconds``, when the lease may have run out."""

    turn: Turn
    wait_seconds: float
    state: Literal["busy"] = "busy"


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing is left to do; ``turn`` is None when its conversation was deleted."""

    turn: Turn | None
    state: Literal["ended"] = "ended"


Claim: TypeAlias = Claimed | Busy | Ended


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer, as it is stored."""

    text: str
    sources: Sequence[Source]
    citations: Sequence[Citation]
    model: str
    usage: Usage
    #: By name.
    timings: Mapping[str, float]
    finish_reason: str
    generation_id: int | None
    steps: Sequence[Step] = ()
    #: The question as it was searched for, where that is another than was asked.
    standalone_question: str | None = None


class Unfinished(msgspec.Struct, frozen=True, kw_only=True):
    """What there is of an answer that is not whole."""

    text: str = ""
    sources: Sequence[Source] = ()
    citations: Sequence[Citation] = ()
    steps: Sequence[Step] = ()
    usage: Usage = Usage()


class Turns:
    """The turns of one tenant's conversations."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def ask(  # noqa: PLR0913 - a question and all that belongs to it
        self,
        turn_id: TurnId,
        conversation_id: ConversationId,
        *,
        agent: str,
        question: str,
        options: Mapping[str, object],
        reply_partition: int,
        trace_id: str | None,
    ) -> Turn:
        """Add a question to a conversation, as its last turn.

        LookupError when the conversation is gone.
        """
        if not await self._connection.change(LOCK_CONVERSATION, conversation_id):
            raise LookupError(f"There is no conversation {conversation_id}.")
        rows = await self._connection.rows(
            ASK, turn_id, conversation_id, agent, question, options, reply_partition, trace_id
        )
        return _turn(rows[0])

    async def get(self, turn_id: TurnId) -> Turn | None:
        """Return a turn, None when there is none."""
        row = await self._connection.row(GET, turn_id)
        return None if row is None else _turn(row)

    async def history(
        self, conversation_id: ConversationId, *, limit: int, before: int | None = None
    ) -> list[Turn]:
        """Return the last ``limit`` turns with an ordinal under ``before``, oldest first."""
        rows = await self._connection.rows(HISTORY, conversation_id, limit, before)
        return [_turn(row) for row in rows]

    async def claim(self, turn_id: TurnId, *, owner: str, seconds: float) -> Claim:
        """Begin an attempt to answer, for so many seconds; see the kinds of ``Claim``.

        A live lease is respected whoever holds it, this owner included.
        """
        row = await self._connection.row(CLAIM, turn_id, owner, seconds)
        if row is not None:
            return Claimed(turn=_turn(row))
        row = await self._connection.row(LOOK, turn_id)
        if row is None:
            return Ended(turn=None)
        turn = _turn(row)
        if turn.state in ("waiting", "answering"):
            return Busy(turn=turn, wait_seconds=row["wait_seconds"] or 0.0)
        return Ended(turn=turn)

    async def extend(self, turn_id: TurnId, *, owner: str, attempt: int, seconds: float) -> bool:
        """Hold the lease for so many seconds from now; False when it was lost, or cancelled."""
        return await self._connection.change(EXTEND, turn_id, attempt, owner, seconds) == 1

    async def set_first_offset(self, turn_id: TurnId, *, attempt: int, offset: int) -> None:
        """Note where this attempt's deltas begin; an earlier attempt's no longer count."""
        await self._connection.change(SET_FIRST_OFFSET, turn_id, attempt, offset)

    async def finish(self, turn_id: TurnId, *, attempt: int, owner: str, answer: Answer) -> bool:
        """Store the whole answer; False when the lease was lost, and nothing is stored."""
        changed = await self._connection.change(
            FINISH,
            turn_id,
            attempt,
            owner,
            answer.text,
            answer.sources,
            answer.citations,
            answer.model,
            answer.usage,
            answer.timings,
            answer.finish_reason,
            answer.generation_id,
            answer.steps,
            answer.standalone_question,
        )
        return changed == 1

    async def fail(
        self,
        turn_id: TurnId,
        *,
        attempt: int,
        owner: str,
        code: str,
        message: str,
        said: Unfinished,
    ) -> bool:
        """Store why it failed and what came of it until then; False when the lease was lost."""
        who = (turn_id, attempt, owner)
        changed = await self._connection.change(FAIL, *who, code, message, *_columns(said))
        return changed == 1

    async def keep(self, turn_id: TurnId, *, attempt: int, owner: str, said: Unfinished) -> bool:
        """Store what had been said of a cancelled answer; False when it was not ours."""
        who = (turn_id, attempt, owner)
        return await self._connection.change(KEEP, *who, *_columns(said)) == 1

    async def fail_unowned(self, turn_id: TurnId, code: str, message: str) -> bool:
        """Fail a turn that nobody answers; False when somebody does, or it has ended."""
        return await self._connection.change(FAIL_UNOWNED, turn_id, code, message) == 1

    async def cancel(self, turn_id: TurnId) -> bool:
        """End a turn without an answer; False when it had ended already."""
        return await self._connection.change(CANCEL, turn_id) == 1


def _columns(said: Unfinished) -> tuple[object, ...]:
    return said.text, said.sources, said.citations, said.steps, said.usage


def _turn(row: asyncpg.Record) -> Turn:
    return msgspec.convert(dict(row), Turn)
