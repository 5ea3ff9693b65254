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
    """Mark the job as failed with code and sentence; nothing for a deleted or ended one."""
    async with store.tenant(event.tenant_id) as tx:
        if not await tx.documents.is_current(event.document_id, event.version):
            return ()
        if not await tx.jobs.fail(
            event.job_id, stage=stage, code=failure.code, message=failure.message
        ):
            return ()
    return [
        status_changed(
            event,
            "failed",
            at=clock.now(),
            error_code=failure.code,
            error_message=failure.message,
        )
    ]
