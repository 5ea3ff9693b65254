"""One look at the database serves everybody who follows a job."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import pytest_asyncio

from contracts.errors import StoreUnavailable
from contracts.ids import TenantId
from gateway.documents import job_watch
from gateway.documents.job_watch import JobWatch
from store import Store, SystemTransaction
from store.documents import Accepted
from tests.integration.gateway.waiting import until
from tests.integration.store.given import a_tenant, accepted


class CountedStore(Store):
    """A store that counts its looks at all tenants, and can be away."""

    looks = 0
    is_away = False

    @asynccontextmanager
    async def system(self) -> AsyncGenerator[SystemTransaction]:
        self.looks += 1
        if self.is_away:
            raise StoreUnavailable
        async with super().system() as transaction:
            yield transaction


@pytest_asyncio.fixture
async def counted(database: str) -> AsyncIterator[CountedStore]:
    opened = await CountedStore.connect(database)
    assert isinstance(opened, CountedStore)
    yield opened
    await opened.close()


async def some_jobs(store: Store, count: int) -> tuple[TenantId, list[Accepted]]:
    tenant = await a_tenant(store)
    return tenant, [await accepted(store, tenant, f"{number}".encode()) for number in range(count)]


async def change(store: Store, tenant: TenantId, job: Accepted) -> None:
    async with store.tenant(tenant) as tx:
        await tx.jobs.start_stage(job.job_id, "parse", status="parsing")


@pytest.mark.asyncio
async def test_fifty_followers_cost_one_query_a_look(counted: CountedStore) -> None:
    tenant, jobs = await some_jobs(counted, 50)
    watch = JobWatch(counted, interval=0.1)
    counted.looks = 0
    async with AsyncExitStack() as stack, asyncio.timeout(10):
        followed = [await stack.enter_async_context(watch.following(job.job_id)) for job in jobs]
        waiting = asyncio.gather(*(one.wait_beyond(1) for one in followed))
        await asyncio.sleep(0.35)
        assert counted.looks <= 4
        assert not waiting.done()
        for job in jobs:
            await change(counted, tenant, job)
        await waiting
    await watch.stop()


@pytest.mark.asyncio
async def test_nobody_to_tell_means_no_look(counted: CountedStore) -> None:
    _, [job] = await some_jobs(counted, 1)
    watch = JobWatch(counted, interval=0.01)
    async with watch.following(job.job_id) as one, watch.following(job.job_id) as other:
        assert one is other
        await until(lambda: counted.looks > 3)
    await asyncio.sleep(0.05)
    looks = counted.looks
    await asyncio.sleep(0.1)
    assert counted.looks == looks
    await watch.stop()


@pytest.mark.asyncio
async def test_a_database_that_is_away_for_a_while_is_asked_again(
    counted: CountedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_watch, "PAUSE_SECONDS", 0.01)
    tenant, [job] = await some_jobs(counted, 1)
    watch = JobWatch(counted, interval=0.01)
    counted.is_away = True
    async with watch.following(job.job_id) as followed, asyncio.timeout(10):
        await until(lambda: counted.looks > 3)
        await change(counted, tenant, job)
        counted.is_away = False
        await followed.wait_beyond(1)
    await watch.stop()
