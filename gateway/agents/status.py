"""How the workers are, as Kafka, the workers themselves and the tenant's own jobs tell."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from contracts.documents import StageName
from contracts.errors import BrokerUnavailable
from contracts.ids import TenantId
from contracts.topics import INPUTS, WORKERS, WorkerName, retry_group, retry_topics
from gateway.agent_cards import AGENTS
from gateway.agents.schemas import AgentsStatus, LastError, TopicLag, WorkerStatus
from runtime.clock import Clock
from runtime.kafka import Backlog, KafkaConnection, TopicAdmin, read_backlogs
from store import Store
from store.jobs import Job
from store.worker_reports import WorkerReport

#: A page of status does not wait longer than this for Kafka.
KAFKA_SECONDS = 8.0
#: Failed jobs that are looked at for each worker's last error.
FAILED_JOBS = 50

_STAGES: Mapping[StageName, WorkerName] = {
    "parse": "parser",
    "chunk": "chunker",
    "embed": "embedder",
}


@dataclass(frozen=True, kw_only=True)
class _Group:
    replicas: int
    backlogs: list[Backlog]


async def read_status(
    *,
    store: Store,
    kafka: KafkaConnection,
    providers: Mapping[str, str],
    tenant_id: TenantId,
    clock: Clock,
) -> AgentsStatus:
    """Return the status; without Kafka it says so and has the rest. ``StoreUnavailable``."""
    groups: dict[WorkerName, _Group] = {}
    unknown: str | None = None
    try:
        async with asyncio.timeout(KAFKA_SECONDS):
            groups = await _groups(kafka)
    except (TimeoutError, BrokerUnavailable):
        unknown = "Kafka does not answer, so replicas and lag are not known now."
    async with store.tenant(tenant_id) as tx:
        failed = await tx.jobs.list(limit=FAILED_JOBS, after=None, status="failed")
    async with store.system() as system:
        reports = await system.worker_reports.all()
    errors = _last_errors(failed)
    return AgentsStatus(
        agents=list(AGENTS.values()),
        workers=[
            _status(name, groups.get(name), reports.get(name), errors.get(name), clock)
            for name in WORKERS
        ],
        providers=dict(providers),
        unknown=unknown,
    )


async def _groups(kafka: KafkaConnection) -> dict[WorkerName, _Group]:
    reads: dict[str, Sequence[str]] = {name: [INPUTS[name].name] for name in WORKERS}
    reads |= {retry_group(name): list(retry_topics(name)) for name in WORKERS}
    async with TopicAdmin(kafka) as admin:
        members = await asyncio.gather(*map(admin.members, WORKERS))
    backlogs = await read_backlogs(kafka, reads)
    return {
        name: _Group(
            replicas=replicas,
            backlogs=[one for one in backlogs if one.group in {name, retry_group(name)}],
        )
        for name, replicas in zip(WORKERS, members, strict=True)
    }


def _status(
    name: WorkerName,
    group: _Group | None,
    report: WorkerReport | None,
    job_error: LastError | None,
    clock: Clock,
) -> WorkerStatus:
    return WorkerStatus(
        name=name,
        topic=INPUTS[name].name,
        replicas=None if group is None else group.replicas,
        lag=None if group is None else sum(one.lag for one in group.backlogs),
        topics=None if group is None else [_lag(one, clock) for one in group.backlogs],
        provider=None if report is None else report.provider,
        model=None if report is None else report.model,
        started_at=None if report is None else report.started_at,
        last_error=_later(job_error, _reported(report)),
    )


def _lag(backlog: Backlog, clock: Clock) -> TopicLag:
    oldest = backlog.oldest_at
    age = None if oldest is None else max(0.0, (clock.now() - oldest).total_seconds())
    return TopicLag(
        topic=backlog.topic,
        lag=backlog.lag,
        oldest_at=oldest,
        oldest_seconds=None if age is None else round(age, 1),
    )


def _reported(report: WorkerReport | None) -> LastError | None:
    if report is None or report.error_code is None:
        return None
    return LastError(
        code=report.error_code,
        message=report.error_message or "",
        job_id=None,
        at=report.error_at,
    )


def _later(one: LastError | None, other: LastError | None) -> LastError | None:
    """Return the later of two errors; what is the tenant's own says more of the same moment."""
    if one is None or other is None:
        return one or other
    if one.code == other.code or one.at is None or other.at is None:
        return one
    return one if one.at >= other.at else other


def _last_errors(failed: list[Job]) -> dict[WorkerName, LastError]:
    """Return the newest failure of each worker; the jobs come newest first."""
    errors: dict[WorkerName, LastError] = {}
    for job in failed:
        for stage in job.stages:
            if stage.state == "failed":
                errors.setdefault(_STAGES[stage.name], _last_error(job))
    return errors


def _last_error(job: Job) -> LastError:
    return LastError(
        code=job.error_code or "",
        message=job.error_message or "",
        job_id=job.job_id,
        at=job.finished_at,
    )
