"""A document that no worker can bring further: its job says so."""

from collections.abc import Sequence

from contracts.documents import DocumentEvent, StageName
from contracts.envelope import Outgoing
from contracts.statuses import status_changed
from runtime.clock import Clock
from runtime.delivery import Failure, Obsolete
from store import Store, Transaction
from store.ledger import LedgerKey


async def fail_job(
    event: DocumentEvent,
    failure: Failure,
    *,
    stage: StageName,
    store: Store,
    clock: Clock,
    generation: int | None = None,
) -> Sequence[Outgoing]:
    """Mark the job as failed with code and sentence, and return the event that says so.

    Called again it returns the same event, which may not have reached Kafka; it returns nothing
    for a document that was indexed. What fails for another generation than the active one
    (``generation``, or the event's own) fails no job: that one does without the document. Raises
    ``Obsolete`` when the document was deleted or uploaded again, or when another try of its parse
    has done it: one that was slow must not fail that.
    """
    async with store.tenant(event.tenant_id) as tx:
        if not await tx.documents.is_current(event.document_id, event.version):
            raise Obsolete
        if stage == "parse" and await tx.ledger.find(_parsed(event)) is not None:
            raise Obsolete
        other = await _other_generation(tx, event, generation)
        if other is not None:
            return await _do_without(tx, event, other, clock)
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


async def _other_generation(
    tx: Transaction, event: DocumentEvent, generation: int | None
) -> int | None:
    """Return the generation that the work was for, None when that is the active one."""
    wanted = generation or int(getattr(event, "generation", 0))
    active = await tx.generations.active()
    return None if active is None or wanted in {0, active.generation_id} else wanted


async def _do_without(
    tx: Transaction, event: DocumentEvent, generation: int, clock: Clock
) -> Sequence[Outgoing]:
    """Note that a generation lacks the document; its job may wait for nothing else."""
    if not await tx.generations.lock(generation):
        raise Obsolete
    await tx.parts.fail(event.document_id, event.version, generation)
    if not await tx.jobs.finish_if_complete(event.job_id, event.document_id, event.version):
        return ()
    return [status_changed(event, "indexed", at=clock.now())]


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
