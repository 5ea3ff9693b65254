"""What one tenant used: written with the work itself, once, and never changed.

Entries outlive the documents and conversations that they name.
"""

from dataclasses import dataclass
from datetime import date

from contracts.conversations import Usage
from contracts.ids import DocumentId, TurnId, event_id
from runtime.postgres import Connection

# An entry that is there already was written by another delivery of the same work.
PARSED = """
INSERT INTO usage (entry_id, tenant_id, document_id, documents, pages, pages_billed)
VALUES ($1, current_tenant(), $2, 1, $3, $4)
ON CONFLICT (entry_id) DO NOTHING
"""
EMBEDDED = """
INSERT INTO usage (entry_id, tenant_id, document_id, embedding_tokens)
VALUES ($1, current_tenant(), $2, $3)
ON CONFLICT (entry_id) DO NOTHING
"""
ASKED = """
INSERT INTO usage (entry_id, tenant_id, turn_id, questions)
VALUES ($1, current_tenant(), $2, 1)
ON CONFLICT (entry_id) DO NOTHING
"""
ANSWERED = """
INSERT INTO usage (entry_id, tenant_id, turn_id, input_tokens, output_tokens, calls)
VALUES ($1, current_tenant(), $2, $3, $4, $5)
ON CONFLICT (entry_id) DO NOTHING
"""

# Added up by days of UTC, both ends included; days without an entry are left out.
BY_DAY = """
SELECT (used_at AT TIME ZONE 'UTC')::date AS day,
       sum(documents) AS documents, sum(pages) AS pages, sum(pages_billed) AS pages_billed,
       sum(embedding_tokens)::bigint AS embedding_tokens, sum(questions) AS questions,
       sum(input_tokens)::bigint AS input_tokens, sum(output_tokens)::bigint AS output_tokens,
       sum(calls) AS calls
FROM usage
WHERE tenant_id = current_tenant()
  AND used_at >= $1::date::timestamp AT TIME ZONE 'UTC'
  AND used_at < ($2::date + 1)::timestamp AT TIME ZONE 'UTC'
GROUP BY day
ORDER BY day
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class DayUsed:
    """What was used on one day of UTC."""

    day: date
    #: Versions of documents that were parsed; one that is parsed again counts again.
    documents: int
    pages: int
    #: Of these, pages that a provider of parsing took money for.
    pages_billed: int
    embedding_tokens: int
    questions: int
    input_tokens: int
    output_tokens: int
    calls: int


class UsageBook:
    """The entries of one tenant."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def parsed(
        self, document_id: DocumentId, *work: object, pages: int, pages_billed: int
    ) -> None:
        """Note a parsed version; ``work`` tells it from every other parsing of the document."""
        entry = event_id("usage", "parse", document_id, *work)
        await self._connection.change(PARSED, entry, document_id, pages, pages_billed)

    async def embedded(self, document_id: DocumentId, *work: object, tokens: int) -> None:
        """Note the tokens of an embedded part; nothing where every vector was known."""
        if tokens:
            entry = event_id("usage", "embed", document_id, *work)
            await self._connection.change(EMBEDDED, entry, document_id, tokens)

    async def asked(self, turn_id: TurnId) -> None:
        """Note a question."""
        await self._connection.change(ASKED, event_id("usage", "ask", turn_id), turn_id)

    async def answered(self, turn_id: TurnId, *work: object, usage: Usage) -> None:
        """Note what one responder's work at a turn cost; nothing where no model was called."""
        if usage != Usage():
            entry = event_id("usage", "answer", turn_id, *work)
            await self._connection.change(
                ANSWERED, entry, turn_id, usage.input_tokens, usage.output_tokens, usage.calls
            )

    async def by_day(self, first: date, last: date) -> list[DayUsed]:
        """Return the days with an entry from ``first`` to ``last``, both included."""
        rows = await self._connection.rows(BY_DAY, first, last)
        return [DayUsed(**row) for row in rows]
