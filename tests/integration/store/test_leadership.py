"""One process leads; notifications reach whoever listens."""

import asyncio
import uuid

import asyncpg
import pytest

from contracts.envelope import Outgoing
from contracts.ids import EventId
from contracts.topics import DOCUMENTS_UPLOADED
from store import Store
from store.outbox import CHANNEL
from tests.integration.store.given import a_tenant

pytestmark = pytest.mark.asyncio


async def test_one_leads_and_the_next_one_when_it_stops(store: Store, database: str) -> None:
    elsewhere = await Store.connect(database, pool_size=1)
    async with store.lead("relay") as first:
        assert first.held
        assert first
        async with elsewhere.lead("relay") as second:
            assert not second.held
            assert not second
        async with elsewhere.lead("something else") as other:
            assert other
    async with elsewhere.lead("relay") as second:
        assert second
    await elsewhere.close()


async def test_whoever_is_cut_off_leads_no_more(store: Store, database: str) -> None:
    async with store.lead("relay") as leadership:
        admin = await asyncpg.connect(database)
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'ragline relay' AND datname = current_database()"
        )
        await admin.close()
        await asyncio.wait_for(leadership.lost.wait(), 5)
        assert not leadership
        assert leadership.held
        async with store.lead("relay") as again:
            assert again


async def test_an_appended_event_is_heard_of_when_it_is_committed(store: Store) -> None:
    tenant = await a_tenant(store)
    async with store.listen(CHANNEL) as notified:
        assert notified.is_set()  # look first
        notified.clear()
        async with store.tenant(tenant) as tx:
            outgoing = Outgoing(
                topic=DOCUMENTS_UPLOADED,
                key="k",
                tenant_id=tenant,
                event=None,
                event_id=EventId(uuid.uuid4()),
            )
            await tx.outbox.append(outgoing, headers={})
            await asyncio.sleep(0.1)
            assert not notified.is_set()
        await asyncio.wait_for(notified.wait(), 5)
