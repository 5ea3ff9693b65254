"""Jobs and questions that nothing moves any more go on, or end with a reason.

A record may be lost on its way: expired unread, thrown away as undecodable, gone with a disk. The
document is then handed to the workers again. What is done already is not done again: each worker's
ledger only lets it publish what follows.
"""

from collections.abc import Sequence
from typing import Literal

import structlog

from contracts.documents import DocumentEvent, JobStatus, StageName
from contracts.envelope import Outgoing
from contracts.errors import Stalled
from contracts.statuses import status_changed
from contracts.topics import STAGES
from gateway import unread
from gateway.documents.announcing import announce_again
from gateway.outbox_headers import outbox_headers
from gateway.unread import DOCUMENT_WORKERS, FirstSeen
from runtime import metrics, telemetry
from runtime.clock import Clock
from runtime.kafka import KafkaConnection
from store import Store, Transaction
from store.dead_letters import DeadLetter
from store.reconciling import StalledJob

log = structlog.get_logger(__name__)

#: What stood still again after so many tries will hardly move without somebody's help.
MOST_TRIES = 3
#: Looked at in one round, the oldest first.
LOOK_BATCH = 1000
#: Taken up in one round: what is handed out again must not crowd out what is new.
TAKE_BATCH = 100
#: Named in the log; the rest is counted.
NAMED = 20

STALLED_JOB = (
    "Processing stopped, and did not go on after it was begun again three times; upload the file "
    "again."
)
STALLED_TURN = "Nobody answered this question in time; ask it again."

Outcome = Literal["republished", "finished", "failed", "moved"]

_STAGES: dict[JobStatus, StageName] = {
    "accepted": "parse",
    "parsing": "parse",
    "chunking": "chunk",
    "embedding": "embed",
}


class Reconciler:
    """Looks for what stands still; for the process that leads.

    A job or question whose record may still wait, be retried or be in work is left alone however
    long that takes: it is taken up only when the workers have completed every record that was there
    when it was first seen to stand still.
    """

    def __init__(
        self,
        *,
        store: Store,
        kafka: KafkaConnection,
        clock: Clock,
        after_seconds: float,
        turn_seconds: float,
    ) -> None:
        self._store = store
        self._kafka = kafka
        self._clock = clock
        self._after_seconds = after_seconds
        self._turn_seconds = turn_seconds
        self._jobs = FirstSeen()
        self._turns = FirstSeen()

    async def reconcile_jobs(self) -> int:
        """Take up the jobs that no record moves any more, and return how many.

        Raises ``BrokerUnavailable`` or ``StoreUnavailable``; then it is tried again.
        """
        stalled = {str(job.job_id): job for job in await self._look()}
        if new := self._jobs.unknown(stalled):
            log.warning("jobs_stalled", count=len(new), job_ids=new[:NAMED])
        now = await unread.look(self._kafka, DOCUMENT_WORKERS) if stalled else None
        lost = self._jobs.note(stalled, now)[:TAKE_BATCH]
        for job_id in lost:
            await self._take_up(stalled[job_id])
        return len(lost)

    async def reconcile_turns(self) -> int:
        """Fail the questions that no record brings to an answer any more, and return how many.

        Raises ``BrokerUnavailable`` or ``StoreUnavailable``; then it is tried again.
        """
        async with self._store.system() as system:
            found = await system.reconciling.stalled_turns(
                after_seconds=self._turn_seconds, limit=LOOK_BATCH
            )
        turns = {str(turn_id): (tenant_id, turn_id) for tenant_id, turn_id in found}
        now = await unread.look(self._kafka, ("responder",)) if turns else None
        failed = 0
        for lost in self._turns.note(turns, now)[:TAKE_BATCH]:
            tenant_id, turn_id = turns[lost]
            async with self._store.tenant(tenant_id) as tx:
                if not await tx.turns.fail_unowned(turn_id, Stalled.code, STALLED_TURN):
                    continue
            failed += 1
            metrics.RECONCILED.labels("turn_failed").inc()
            log.warning("stalled_turn_failed", turn_id=str(turn_id))
        return failed

    async def _look(self) -> Sequence[StalledJob]:
        async with self._store.system() as system:
            unmoved = await system.reconciling.unmoved_jobs(after_seconds=self._after_seconds)
            stalled = await system.reconciling.stalled_jobs(
                after_seconds=self._after_seconds, limit=LOOK_BATCH
            )
        metrics.JOBS_STALLED.set(unmoved.jobs)
        return stalled

    async def _take_up(self, job: StalledJob) -> None:
        letter = await self._dead_letter(job)
        async with self._store.tenant(job.tenant_id) as tx:
            known = await tx.jobs.get(job.job_id)
            with telemetry.continued(known.trace_id if known else None, "reconcile"):
                outcome = await self._settle(tx, job, letter)
        metrics.RECONCILED.labels(outcome).inc()
        log.warning(
            "stalled_job_taken_up",
            job_id=str(job.job_id),
            document_id=str(job.document_id),
            status=job.status,
            times=job.reconciled + 1,
            outcome=outcome,
        )

    async def _dead_letter(self, job: StalledJob) -> DeadLetter | None:
        """Return what was given up of the job, if that is why it stands still."""
        async with self._store.system() as system:
            active = await system.generations.active()
            return await system.dead_letters.of_version(
                job.document_id, job.version, active.generation_id if active else 0
            )

    async def _settle(self, tx: Transaction, job: StalledJob, letter: DeadLetter | None) -> Outcome:
        """Do what the job needs, in one transaction with the record that says so."""
        # In the order of the workers' locks: the document, then its job.
        is_current = await tx.documents.lock_current(job.document_id, job.version)
        if not await tx.stalled_jobs.take(job):
            return "moved"
        if is_current and await tx.stalled_jobs.is_indexed(job.document_id, job.version):
            await tx.jobs.finish(job.job_id)
            await self._append(tx, status_changed(_event(job), "indexed", at=self._clock.now()))
            return "finished"
        if is_current and letter is not None:
            # Whoever gave it up could not say so. It is tried again when it is redriven.
            stage = STAGES[letter.consumer_group]
            await self._fail(tx, job, stage, code=letter.code, message=letter.reason)
            return "failed"
        if not is_current or job.reconciled >= MOST_TRIES:
            await self._fail(tx, job, _STAGES[job.status], code=Stalled.code, message=STALLED_JOB)
            return "failed"
        await self._append(tx, await _uploaded(tx, job))
        return "republished"

    async def _fail(
        self, tx: Transaction, job: StalledJob, stage: StageName, *, code: str, message: str
    ) -> None:
        await tx.jobs.fail(job.job_id, stage=stage, code=code, message=message)
        said = status_changed(
            _event(job),
            "failed",
            at=self._clock.now(),
            error_code=code,
            error_message=message,
        )
        await self._append(tx, said)

    async def _append(self, tx: Transaction, outgoing: Outgoing) -> None:
        # Without a job: the document is under way already, and need not wait for a place.
        await tx.outbox.append(outgoing, headers=outbox_headers(outgoing, self._clock))


def _event(job: StalledJob) -> DocumentEvent:
    return DocumentEvent(
        tenant_id=job.tenant_id,
        document_id=job.document_id,
        version=job.version,
        job_id=job.job_id,
    )


async def _uploaded(tx: Transaction, job: StalledJob) -> Outgoing:
    document = await tx.documents.get(job.document_id)
    if document is None:
        raise RuntimeError(f"Document {job.document_id} is locked and not there.")
    return await announce_again(tx, job.tenant_id, document)
