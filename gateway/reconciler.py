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
from contracts.ids import JobId
from contracts.statuses import status_changed
from gateway import unread
from gateway.documents.announcing import announce_again
from gateway.outbox_headers import outbox_headers
from gateway.unread import Seen
from runtime import metrics
from runtime.clock import Clock
from runtime.kafka import KafkaConnection
from store import Store, Transaction
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

    A job whose record may still wait, be retried or be in work is left alone however long that
    takes: a job is taken up only when the workers have completed every record that was there when
    it was first seen to stand still.
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
        self._first_seen: dict[JobId, Seen] = {}

    async def reconcile_jobs(self) -> int:
        """Take up the jobs that no record moves any more, and return how many.

        Raises ``BrokerUnavailable`` or ``StoreUnavailable``; then it is tried again.
        """
        stalled = await self._look()
        if not stalled:
            self._first_seen.clear()
            return 0
        now = await unread.look(self._kafka)
        self._note(stalled, now)
        lost = [job for job in stalled if self._first_seen[job.job_id].is_behind(now)]
        for job in lost[:TAKE_BATCH]:
            await self._take_up(job)
        return len(lost[:TAKE_BATCH])

    async def reconcile_turns(self) -> int:
        """Fail the questions that nobody answers, and return how many."""
        async with self._store.system() as system:
            turns = await system.reconciling.stalled_turns(
                after_seconds=self._turn_seconds, limit=TAKE_BATCH
            )
        failed = 0
        for tenant_id, turn_id in turns:
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

    def _note(self, stalled: Sequence[StalledJob], now: Seen) -> None:
        """Remember what was in Kafka when each job was first seen to stand still."""
        known = self._first_seen
        new = [str(job.job_id) for job in stalled if job.job_id not in known]
        if new:
            log.warning("jobs_stalled", count=len(new), job_ids=new[:NAMED])
        self._first_seen = {job.job_id: known.get(job.job_id, now) for job in stalled}

    async def _take_up(self, job: StalledJob) -> None:
        async with self._store.tenant(job.tenant_id) as tx:
            outcome = await self._settle(tx, job)
        metrics.RECONCILED.labels(outcome).inc()
        log.warning(
            "stalled_job_taken_up",
            job_id=str(job.job_id),
            document_id=str(job.document_id),
            status=job.status,
            times=job.reconciled + 1,
            outcome=outcome,
        )

    async def _settle(self, tx: Transaction, job: StalledJob) -> Outcome:
        """Do what the job needs, in one transaction with the record that says so."""
        # In the order of the workers' locks: the document, then its job.
        is_current = await tx.documents.lock_current(job.document_id, job.version)
        if not await tx.stalled_jobs.take(job):
            return "moved"
        if is_current and await tx.stalled_jobs.is_indexed(job.document_id, job.version):
            await tx.jobs.finish(job.job_id)
            await self._append(tx, status_changed(_event(job), "indexed", at=self._clock.now()))
            return "finished"
        if not is_current or job.reconciled >= MOST_TRIES:
            await self._fail(tx, job)
            return "failed"
        await self._append(tx, await _uploaded(tx, job))
        return "republished"

    async def _fail(self, tx: Transaction, job: StalledJob) -> None:
        code, stage = Stalled.code, _STAGES[job.status]
        await tx.jobs.fail(job.job_id, stage=stage, code=code, message=STALLED_JOB)
        said = status_changed(
            _event(job),
            "failed",
            at=self._clock.now(),
            error_code=code,
            error_message=STALLED_JOB,
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
