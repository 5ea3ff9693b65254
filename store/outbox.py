"""The outbox: what is to be published, written in the transaction that gave reason to it."""
# ruff: noqa: S608 - statements are put together from constants, never from values

from collections.abc import Mapping

from contracts import codec
from contracts.envelope import Outgoing
from contracts.ids import JobId
from runtime.postgres import Connection

#: Where the relay hears of new rows.
CHANNEL = "ragline_outbox"

# A record to publish; one with a job is a document that waits for its tenant's turn. The relay is
# told when this transaction commits.
APPEND = f"""
INSERT INTO outbox (tenant_id, topic, key, job_id, headers, value)
VALUES (current_tenant(), $1, $2, $3, $4, $5)
RETURNING pg_notify('{CHANNEL}', '')
"""


class Outbox:
    """Records of one tenant that are to be published."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def append(
        self, outgoing: Outgoing, *, headers: Mapping[str, str], job_id: JobId | None = None
    ) -> None:
        """Publish a record after this transaction, in order per topic and key.

        With a ``job_id``, only when the tenant has not too many documents under way already.
        """
        value = None if outgoing.event is None else codec.encode(outgoing.event)
        await self._connection.change(
            APPEND, outgoing.topic.name, outgoing.key, job_id, headers, value
        )
