"""What was used is written once and stays, whatever is deleted."""

import uuid
from datetime import date, datetime, timedelta

import asyncpg
import pytest

from contracts.conversations import Usage
from contracts.ids import DocumentId, TenantId, TurnId
from runtime.clock import SystemClock
from store import Store
from store.usage import DayUsed
from tests.integration.store.given import a_tenant, a_user, accepted

pytestmark = pytest.mark.asyncio

TODAY = SystemClock().now().date()
DOCUMENT, TURN = DocumentId(uuid.uuid4()), TurnId(uuid.uuid4())
COST = Usage(input_tokens=100, output_tokens=20, calls=2)


async def used(store: Store, tenant: TenantId, first: date, last: date) -> list[DayUsed]:
    async with store.tenant(tenant) as tx:
        return await tx.usage.by_day(first, last)


async def used_lately(store: Store, tenant: TenantId) -> DayUsed:
    [day] = await used(store, tenant, TODAY - timedelta(days=1), TODAY + timedelta(days=1))
    return day


async def test_entries_of_a_day_add_up(store: Store) -> None:
    tenant = await a_tenant(store)
    async with store.tenant(tenant) as tx:
        await tx.usage.parsed(DOCUMENT, 1, pages=7, pages_billed=6)
        await tx.usage.parsed(DOCUMENT, 2, pages=7, pages_billed=0)
        await tx.usage.embedded(DOCUMENT, 2, 1, 0, tokens=30)
        await tx.usage.embedded(DOCUMENT, 2, 1, 1, tokens=12)
        await tx.usage.asked(TURN)
        await tx.usage.answered(TURN, "one", usage=COST)
        await tx.usage.answered(TURN, "two", usage=COST)
    day = await used_lately(store, tenant)
    assert (day.documents, day.pages, day.pages_billed, day.embedding_tokens) == (2, 14, 6, 42)
    assert (day.questions, day.input_tokens, day.output_tokens, day.calls) == (1, 200, 40, 4)


async def test_the_same_work_counts_once(store: Store) -> None:
    tenant = await a_tenant(store)
    for _ in range(3):
        async with store.tenant(tenant) as tx:
            await tx.usage.parsed(DOCUMENT, 3, pages=7, pages_billed=6)
            await tx.usage.embedded(DOCUMENT, 3, 1, 0, tokens=30)
            await tx.usage.asked(TurnId(uuid.UUID(int=7)))
            await tx.usage.answered(TurnId(uuid.UUID(int=7)), "one", usage=COST)
    day = await used_lately(store, tenant)
    assert (day.pages, day.embedding_tokens, day.questions, day.calls) == (7, 30, 1, 2)


async def test_what_cost_nothing_leaves_no_entry(store: Store) -> None:
    tenant = await a_tenant(store)
    async with store.tenant(tenant) as tx:
        await tx.usage.embedded(DOCUMENT, 4, 1, 0, tokens=0)
        await tx.usage.answered(TURN, "three", usage=Usage())
    assert await used(store, tenant, TODAY, TODAY + timedelta(days=1)) == []


async def test_deleting_does_not_change_what_was_used(store: Store) -> None:
    user = await a_user(store)
    document = await accepted(store, user.tenant_id, b"used and deleted")
    async with store.tenant(user.tenant_id) as tx:
        await tx.usage.parsed(document.document_id, 1, pages=3, pages_billed=3)
        conversation = await tx.conversations.create(user.user_id, "Talk")
        turn = await tx.turns.ask(
            TurnId(uuid.uuid4()),
            conversation.conversation_id,
            agent="answer",
            question="?",
            options={},
            reply_partition=0,
            trace_id=None,
        )
        await tx.usage.asked(turn.turn_id)
    before = await used_lately(store, user.tenant_id)
    async with store.tenant(user.tenant_id) as tx:
        assert await tx.documents.delete(document.document_id)
        assert await tx.conversations.delete(conversation.conversation_id, user.user_id)
    assert await used_lately(store, user.tenant_id) == before
    assert (before.pages, before.questions) == (3, 1)


async def test_days_are_those_of_utc_and_both_ends_count(store: Store) -> None:
    tenant = await a_tenant(store)
    async with store.tenant(tenant) as tx:
        for at in ("2026-03-01T00:00:00Z", "2026-03-01T23:59:59.9Z", "2026-03-02T00:00:00Z"):
            await tx.connection.change(
                "INSERT INTO usage (entry_id, tenant_id, used_at, pages) VALUES ($1, $2, $3, 1)",
                uuid.uuid4(),
                tenant,
                datetime.fromisoformat(at),
            )
    first, second = date(2026, 3, 1), date(2026, 3, 2)
    for days, expected in (((first, first), [2]), ((first, second), [2, 1]), ((second,) * 2, [1])):
        found = await used(store, tenant, *days)
        assert [day.pages for day in found] == expected
    async with store.tenant(tenant) as tx:
        await tx.connection.run("SET LOCAL TIME ZONE 'Pacific/Auckland'")
        assert [day.pages for day in await tx.usage.by_day(first, first)] == [2]


@pytest.mark.parametrize("statement", ["UPDATE usage SET pages = 0", "DELETE FROM usage"])
async def test_an_entry_cannot_be_changed(store: Store, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with store.tenant(await a_tenant(store)) as tx:
            await tx.connection.run(statement)
