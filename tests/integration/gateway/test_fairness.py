"""Tenants take turns on their way to Kafka: counted in records, never in seconds."""

import itertools
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from contracts.documents import DocumentUploaded
from contracts.ids import JobId, TenantId
from contracts.topics import DOCUMENTS_UPLOADED
from gateway.documents.announcing import announce
from gateway.outbox import OutboxRelay
from runtime.clock import SystemClock
from runtime.kafka import KafkaConnection, Publisher
from store import Store
from store.documents import Accepted
from tests.integration.gateway.test_relay import drain
from tests.integration.store.given import a_file, a_tenant

pytestmark = pytest.mark.asyncio

#: Unfinished documents of one tenant in Kafka.
IN_FLIGHT = 50
#: Of the installation with tenants of many sizes; what the workers finish in one step.
SMALL_IN_FLIGHT, STEP = 5, 70
LEAST_FAIRNESS = 0.95


@pytest_asyncio.fixture
async def publisher(store: Store, topics: str) -> AsyncIterator[Publisher]:
    made = Publisher(KafkaConnection(servers=topics), client_id="relay")
    await drain(OutboxRelay(store=store, publisher=made, tenant_in_flight=10_000))
    yield made
    await made.stop()


async def upload(store: Store, tenant: TenantId, count: int) -> list[Accepted]:
    """Accept so many files with their events, as the gateway does, in one transaction."""
    uploaded: list[Accepted] = []
    async with store.tenant(tenant) as tx:
        for _ in range(count):
            accepted = await tx.documents.accept(a_file(tenant, uuid.uuid4().bytes), trace_id=None)
            outgoing = announce(event_of(tenant, accepted))
            await tx.outbox.append(outgoing, headers={}, job_id=accepted.job_id)
            uploaded.append(accepted)
    return uploaded


def event_of(tenant: TenantId, accepted: Accepted) -> DocumentUploaded:
    return DocumentUploaded(
        tenant_id=tenant,
        document_id=accepted.document_id,
        version=accepted.version,
        job_id=accepted.job_id,
        filename="report.txt",
        media_type="text/plain",
        size=16,
        sha256="",
        blob_key=accepted.blob_key,
        knowledge_base="default",
        uploaded_at=SystemClock().now(),
    )


async def finish(store: Store, tenant: TenantId, jobs: Sequence[JobId]) -> None:
    async with store.tenant(tenant) as tx:
        for job_id in jobs:
            await tx.jobs.finish(job_id)


class Log:
    """The records of uploads, in the order in which they came to the topic."""

    def __init__(self, consumer: AIOKafkaConsumer, partitions: list[TopicPartition]) -> None:
        self._consumer = consumer
        self._partitions = partitions

    async def keys(self) -> list[str]:
        """Return the keys of the records that came since the last time."""
        ends = await self._consumer.end_offsets(self._partitions)
        found: list[ConsumerRecord] = []
        for partition, end in ends.items():
            while await self._consumer.position(partition) < end:
                batch = await self._consumer.getmany(partition, timeout_ms=500)
                found += batch.get(partition, [])
        in_order = sorted(found, key=lambda record: record.timestamp)
        return [(record.key or b"").decode() for record in in_order]


@pytest_asyncio.fixture
async def log(topics: str, publisher: Publisher) -> AsyncIterator[Log]:  # noqa: ARG001 - drained first
    consumer = AIOKafkaConsumer(bootstrap_servers=topics)
    await consumer.start()
    partitions = [TopicPartition(DOCUMENTS_UPLOADED.name, number) for number in range(3)]
    consumer.assign(partitions)
    await consumer.seek_to_end(*partitions)
    for partition in partitions:
        await consumer.position(partition)
    yield Log(consumer, partitions)
    await consumer.stop()


async def test_a_single_upload_waits_behind_the_share_of_a_tenant_with_thousands(
    store: Store, publisher: Publisher, log: Log
) -> None:
    relay = OutboxRelay(store=store, publisher=publisher, tenant_in_flight=IN_FLIGHT)
    large, small = await a_tenant(store), await a_tenant(store)
    job_ids = {str(one.document_id): one.job_id for one in await upload(store, large, 2000)}
    unfinished: list[str] = []
    for _ in range(3):
        await drain(relay)
        unfinished += await log.keys()
        assert len(unfinished) == IN_FLIGHT  # and the rest waits
        done, unfinished = unfinished[:20], unfinished[20:]
        await finish(store, large, [job_ids[key] for key in done])

    [single] = await upload(store, small, 1)
    await drain(relay)

    came = await log.keys()
    assert str(single.document_id) in came
    before = unfinished + came[: came.index(str(single.document_id))]
    assert len(before) <= IN_FLIGHT
    assert await waiting_of(store, large) == 2000 - 3 * 20 - IN_FLIGHT


async def test_tenants_of_any_size_progress_alike_while_all_have_work(
    store: Store, publisher: Publisher, log: Log
) -> None:
    """The Jain index of what was finished: 1 where all got the same, 1/20 where one got all."""
    relay = OutboxRelay(store=store, publisher=publisher, tenant_in_flight=SMALL_IN_FLIGHT)
    sizes = [20, *(20 + 2 * number for number in range(18)), 400]
    owners: dict[str, tuple[TenantId, JobId]] = {}
    for size in reversed(sizes):  # the largest was there first
        tenant = await a_tenant(store)
        for one in await upload(store, tenant, size):
            owners[str(one.document_id)] = (tenant, one.job_id)
    finished: Counter[TenantId] = Counter()
    queue: list[str] = []
    indexes: list[float] = []
    # So far the smallest still has work.
    for _ in range(min(sizes) * len(sizes) // STEP - 1):
        await drain(relay)
        queue += await log.keys()
        done, queue = queue[:STEP], queue[STEP:]
        by_tenant = itertools.groupby(
            sorted((owners[key] for key in done), key=lambda owner: owner[0]),
            lambda owner: owner[0],
        )
        for tenant, jobs in by_tenant:
            job_ids = [job_id for _, job_id in jobs]
            await finish(store, tenant, job_ids)
            finished[tenant] += len(job_ids)
        indexes.append(jain([finished[owner] for owner in {owner for owner, _ in owners.values()}]))
    assert min(indexes) >= LEAST_FAIRNESS, indexes


def jain(shares: Sequence[int]) -> float:
    """Return (sum x)² / (n · sum x²), after Jain, Chiu and Hawe, 1984."""
    return sum(shares) ** 2 / (len(shares) * sum(share * share for share in shares))


async def waiting_of(store: Store, tenant: TenantId) -> int:
    async with store.system() as tx:
        rows = await tx.relay.waiting(limit=100_000, tenant_in_flight=100_000)
    return sum(row.tenant_id == tenant for row in rows)
