"""A document that is given up: its job says so, and so does an event, however often it is tried."""

import pytest

from contracts.documents import DocumentEvent
from contracts.ids import TenantId
from runtime.clock import SystemClock
from runtime.delivery import Failure
from store import Store
from store.documents import Accepted
from store.failed_jobs import fail_job
from tests.integration.store.given import a_tenant, accepted, indexed

pytestmark = pytest.mark.asyncio

DAMAGED = Failure("unreadable_document", "It is damaged.")


def event_of(tenant: TenantId, document: Accepted) -> DocumentEvent:
    return DocumentEvent(
        tenant_id=tenant,
        document_id=document.document_id,
        version=document.version,
        job_id=document.job_id,
    )


async def test_the_event_is_the_same_when_it_was_lost_on_its_way(store: Store) -> None:
    tenant = await a_tenant(store)
    event = event_of(tenant, await accepted(store, tenant, b"damaged"))
    clock = SystemClock()
    first = await fail_job(event, DAMAGED, stage="parse", store=store, clock=clock)
    other = Failure("internal_error", "Something else.")
    assert len(first) == 1
    assert await fail_job(event, other, stage="parse", store=store, clock=clock) == first


async def test_nothing_is_said_of_a_document_that_is_indexed(store: Store) -> None:
    tenant = await a_tenant(store)
    event = event_of(tenant, await indexed(store, tenant, b"fine", ["fine"]))
    assert await fail_job(event, DAMAGED, stage="embed", store=store, clock=SystemClock()) == ()


async def test_a_reason_may_hold_what_postgresql_does_not_store(store: Store) -> None:
    tenant = await a_tenant(store)
    document = await accepted(store, tenant, b"odd")
    odd = Failure("provider_refused", "It says \0 and \ud800.")
    assert await fail_job(
        event_of(tenant, document), odd, stage="parse", store=store, clock=SystemClock()
    )
    async with store.tenant(tenant) as tx:
        job = await tx.jobs.get(document.job_id)
    assert job is not None
    assert (job.status, job.error_message) == ("failed", "It says  and ?.")
