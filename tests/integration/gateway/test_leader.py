"""Of all gateways one leads; when it dies, another takes over."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from gateway import leader as leading
from gateway.dead_letters.copying import DeadLetterCopy
from gateway.generations.steps import GenerationSteps
from gateway.housekeeping import Housekeeping
from gateway.leader import Leader
from gateway.outbox import OutboxRelay
from gateway.reconciler import Reconciler
from gateway.replays.running import ReplayRuns
from providers.blobs.factory import create_blobs
from runtime.clock import SystemClock
from runtime.kafka import KafkaConnection, Publisher
from store import Store
from tests.integration.gateway.test_relay import nothing_waits, say
from tests.integration.gateway.waiting import until
from tests.integration.store.given import a_tenant


class SeenRelay(OutboxRelay):
    """A relay that says whether it runs."""

    runs = False

    async def run(self) -> None:
        self.runs = True
        try:
            await super().run()
        finally:
            self.runs = False


@pytest_asyncio.fixture
async def relays(
    database: str, topics: str, tmp_path: Path
) -> AsyncIterator[list[tuple[SeenRelay, asyncio.Task[None]]]]:
    """Two gateways' leaders, each with connections of its own."""
    started = []
    for number in range(2):
        store = await Store.connect(database, application=f"gateway-{number}")
        publisher = Publisher(KafkaConnection(servers=topics), client_id="relay")
        relay = SeenRelay(store=store, publisher=publisher, tenant_in_flight=5)
        chores = Housekeeping(
            store=store, blobs=create_blobs(tmp_path.as_uri()), clock=SystemClock()
        )
        letters = DeadLetterCopy(
            store=store, kafka=KafkaConnection(servers=topics), clock=SystemClock()
        )
        leader = Leader(
            store=store,
            relay=relay,
            housekeeping=chores,
            dead_letters=letters,
            reconciler=Reconciler(
                store=store,
                kafka=KafkaConnection(servers=topics),
                clock=SystemClock(),
                after_seconds=1800,
                turn_seconds=900,
            ),
            generations=GenerationSteps(
                store=store,
                kafka=KafkaConnection(servers=topics),
                replication=1,
                partitions_cap=2,
            ),
            replays=ReplayRuns(
                store=store, kafka=KafkaConnection(servers=topics), publisher=publisher
            ),
        )
        task = asyncio.create_task(leader.run())
        started.append((relay, task, publisher, store))
    yield [(relay, task) for relay, task, *_ in started]
    for _, task, publisher, store in started:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await publisher.stop()
        await store.close()


async def the_one_that_leads(relays: list[tuple[SeenRelay, asyncio.Task[None]]]) -> int:
    await until(lambda: any(relay.runs for relay, _ in relays))
    await asyncio.sleep(2 * leading.ASK_SECONDS)
    [index] = [number for number, (relay, _) in enumerate(relays) if relay.runs]
    return index


@pytest.mark.asyncio
async def test_one_leads_and_publishes(
    relays: list[tuple[SeenRelay, asyncio.Task[None]]], store: Store
) -> None:
    await the_one_that_leads(relays)
    await _is_published(store)


@pytest.mark.asyncio
async def test_the_other_takes_over_when_the_leader_ends(
    relays: list[tuple[SeenRelay, asyncio.Task[None]]], store: Store
) -> None:
    first = await the_one_that_leads(relays)
    relays[first][1].cancel()
    await until(lambda: relays[1 - first][0].runs)
    assert not relays[first][0].runs
    await _is_published(store)


@pytest.mark.asyncio
async def test_a_leader_that_lost_its_connection_stops_relaying(
    relays: list[tuple[SeenRelay, asyncio.Task[None]]], store: Store, database: str
) -> None:
    first = await the_one_that_leads(relays)
    owner = await asyncpg.connect(database)
    await owner.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_locks "
        "WHERE locktype = 'advisory' AND granted AND database = "
        "(SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    await owner.close()
    await until(lambda: not relays[first][0].runs)
    await the_one_that_leads(relays)
    await _is_published(store)


async def _is_published(store: Store) -> None:
    tenant = await a_tenant(store)
    await say(store, tenant, str(tenant), "said")
    await until(lambda: nothing_waits(store, tenant))
