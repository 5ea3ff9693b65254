"""A document that no worker can bring further: its job says so."""

from collections.abc import Sequence

from contracts.documents import DocumentEvent, StageName
from contracts.envelope import Outgoing
from contracts.statuses import status_changed
from runtime.clock import Clock
from runtime.delivery import Failure
from store import Store


async def fail_job(
    event: DocumentEvent, failure: Failure, *, stage: StageName, store: Store, clock: Clock
) -> Sequence[Outgoing]:
    """Mark the job as failed with code and sentence, and return the event that says so.

    Called again it returns the same event, which may not have reached Kafka; it returns nothing
    for a document that was deleted, uploaded again or indexed.
    """
    async with store.tenant(event.tenant_id) as tx:
        if not await tx.documents.is_current(event.document_id, event.version):
            return ()
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


def _storable(message: str) -> str:
    """Return the message without what PostgreSQL refuses: others may have worded it."""
    return message.replace("\0", "").encode(errors="replace").decode()
