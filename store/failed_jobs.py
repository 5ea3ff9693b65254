"""A document that no worker can bring further: its job says so."""

from collections.abc import Sequence

from contracts.documents import DocumentEvent, StageName
from contracts.envelope import Outgoing
from contracts.statuses import status_changed
from runtime.clock import Clock
from runtime.delivery import Failure, Obsolete
from store import Store
from store.ledger import LedgerKey


async def fail_job(
    event: DocumentEvent, failure: Failure, *, stage: StageName, store: Store, clock: Clock
) -> Sequence[Outgoing]:
    """Mark the job as failed with code and sentence, and return the event that says so.

    Called again it returns the same event, which may not have reached Kafka; it returns nothing
    for a document that was indexed. Raises ``Obsolete`` when the document was deleted or uploaded
    again, or when another try of its parse has done it: one that was slow must not fail that.
    """
    async with store.tenant(event.tenant_id) as tx:
        if not await tx.documents.is_current(event.document_id, event.version):
            raise Obsolete
        if stage == "parse" and await tx.ledger.find(_parsed(event)) is not None:
            raise Obsolete
        await tx.jobs.fail(
            event.job_id, stage=stage, code=failure.code, message=_storable(failure.message)
        )
        job = await tx.jobs.get(event.job_id)
    if job is None or job.status != "failed":
        return ()
    return [
        status_changed(
            event,
            "failed",
            at=job.finished_at or clock.now(),
            error_code=job.error_code,
            error_message=job.error_message,
        )
    ]


def _parsed(event: DocumentEvent) -> LedgerKey:
    return LedgerKey(
        stage="parse",
        document_id=event.document_id,
        version=event.version,
        replay_id=event.replay_id,
    )


def _storable(message: str) -> str:
    """Return the message without what PostgreSQL refuses: others may have worded it."""
    return message.replace("\0", "").encode(errors="replace").decode()
