"""How the workers are, as far as Kafka and the tenant's own jobs tell."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from contracts.documents import StageName
from contracts.errors import BrokerUnavailable
from contracts.ids import TenantId
from contracts.topics import INPUTS, WORKERS, WorkerName
from gateway.agent_cards import AGENTS
from gateway.agents.schemas import AgentsStatus, LastError, WorkerStatus
from runtime.kafka import KafkaConnection, TopicAdmin
from store import Store
from store.jobs import Job

#: A page of status does not wait longer than this for Kafka.
KAFKA_SECONDS = 5.0
#: Failed jobs that are looked at for each worker's last error.
FAILED_JOBS = 50

_PROVIDERS: Mapping[WorkerName, str] = {
    "parser": "parsing",
    "embedder": "embedding",
    "responder": "answering",
}
_STAGES: Mapping[StageName, WorkerName] = {
    "parse": "parser",
    "chunk": "chunker",
    "embed": "embedder",
}


@dataclass(frozen=True, kw_only=True)
class _Group:
    replicas: int
    lag: int


async def read_status(
    *, store: Store, kafka: KafkaConnection, providers: Mapping[str, str], tenant_id: TenantId
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
    errors = _last_errors(failed)
    return AgentsStatus(
        agents=list(AGENTS.values()),
        workers=[
            WorkerStatus(
                name=name,
                topic=INPUTS[name].name,
                replicas=groups[name].replicas if name in groups else None,
                lag=groups[name].lag if name in groups else None,
                provider=providers.get(_PROVIDERS.get(name, "")),
                last_error=errors.get(name),
            )
            for name in WORKERS
        ],
        providers=dict(providers),
        unknown=unknown,
    )


async def _groups(kafka: KafkaConnection) -> dict[WorkerName, _Group]:
    async with TopicAdmin(kafka) as admin:

        async def group(name: WorkerName) -> _Group:
            lag = await admin.lag(name, INPUTS[name].name)
            return _Group(replicas=await admin.members(name), lag=sum(lag.values()))

        found = await asyncio.gather(*map(group, WORKERS))
    return dict(zip(WORKERS, found, strict=True))


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
