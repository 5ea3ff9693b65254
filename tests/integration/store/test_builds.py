"""Generations are made beside each other, switched in one statement, and leave nothing behind."""

import asyncpg
import pytest

from store import Store
from store.build_gate import BuildGate
from store.nearest import Search
from tests.integration.store.given import (
    GENERATION,
    MODEL,
    a_tenant,
    a_vector,
    accepted,
    index,
    indexed,
    text_hash,
)

pytestmark = pytest.mark.asyncio


async def a_build(store: Store, dimensions: int = 8, **limits: float) -> int:
    async with store.system() as system:
        return await system.builds.create(
            strategy="sentence_2",
            embedding_model=MODEL,
            dimensions=dimensions,
            max_rate=limits.get("max_rate"),
            token_budget=int(limits["token_budget"]) if "token_budget" in limits else None,
        )


async def the_active(store: Store) -> int:
    async with store.system() as system:
        active = await system.generations.active()
    assert active is not None
    return active.generation_id


async def drop(store: Store, number: int) -> None:
    async with store.system() as system:
        assert await system.builds.drop(number)
        assert await system.builds.may_drop_table(number, after_seconds=-1)
        assert await system.builds.drop_table(number)


@pytest.mark.parametrize("dimensions", [3, 2000, 3072])
async def test_vectors_of_any_dimensions_stand_beside_each_other(
    store: Store, dimensions: int
) -> None:
    tenant = await a_tenant(store)
    number = await a_build(store, dimensions)
    document = await accepted(store, tenant, b"wide")
    async with store.tenant(tenant) as tx:
        vector = a_vector(dimensions, dimensions)
        await index(tx, document, ["wide"], [vector], generation=number)
        [found] = await tx.chunks.nearest(number, Search(vector=vector, limit=1))
    assert found.text == "wide"
    assert found.similarity == pytest.approx(1.0, abs=1e-3)
    await drop(store, number)


async def test_what_is_not_complete_is_not_activated(store: Store) -> None:
    before = await the_active(store)
    number = await a_build(store)
    async with store.system() as system:
        assert not await system.builds.activate(number)
        await system.builds.note_topic_ready(number)
        await system.builds.join(number)
        await system.builds.note_built(number)
        assert await system.builds.activate(number)
    assert await the_active(store) == number
    async with store.system() as system:
        previous = await system.builds.previous()
        assert previous is not None
        assert previous.generation_id == before
        assert await system.builds.activate(before)
        assert not await system.builds.drop(before)  # it answers
    assert await the_active(store) == before
    await drop(store, number)


async def test_only_a_generation_that_joined_is_fed_by_live_uploads(store: Store) -> None:
    number = await a_build(store)
    async with store.tenant(await a_tenant(store)) as tx:
        assert number not in [one.generation_id for one in await tx.generations.targets()]
        assert number in [one.generation_id for one in await tx.generations.fed()]
    async with store.system() as system:
        await system.builds.join(number)
    async with store.tenant(await a_tenant(store)) as tx:
        targets = [one.generation_id for one in await tx.generations.targets()]
    assert targets[0] == GENERATION
    assert number in targets
    await drop(store, number)


async def test_a_job_waits_for_a_generation_that_is_being_promoted_and_for_no_other(
    store: Store,
) -> None:
    tenant = await a_tenant(store)
    number = await a_build(store)
    async with store.system() as system:
        await system.builds.begin_promotion(number)
    document = await accepted(store, tenant, b"both")
    which = (document.document_id, document.version)
    async with store.tenant(tenant) as tx:
        await tx.parts.expect(*which, GENERATION, part_count=1, chunks_total=1)
        await tx.parts.complete(*which, GENERATION, chunks=1, tokens=1)
        assert not await tx.jobs.finish_if_complete(document.job_id, *which)
        await tx.parts.fail(*which, number)  # given up: it waits no more
        assert await tx.jobs.finish_if_complete(document.job_id, *which)
        assert not await tx.jobs.finish_if_complete(document.job_id, *which)
    async with store.system() as system:
        missing = await system.builds.missing(number)
        assert missing.documents >= missing.failed >= 1
        await system.builds.end_promotion(number, problem="missing")
    await drop(store, number)


async def test_a_dropped_generation_takes_its_texts_and_progress_along(store: Store) -> None:
    tenant = await a_tenant(store)
    kept = await indexed(store, tenant, b"kept", ["in both"])
    number = await a_build(store)
    async with store.tenant(tenant) as tx:
        vectors = [a_vector(1), a_vector(2)]
        document = await accepted(store, tenant, b"dropped")
        await index(tx, document, ["only here", "in both"], vectors, generation=number)
    async with store.system() as system:
        assert await system.builds.drop(number)
        assert not await system.builds.may_drop_table(number, after_seconds=600)
    async with store.tenant(tenant) as tx:
        await tx.dropping.forget(number, MODEL)
        found = await tx.embeddings.find(MODEL, [text_hash("only here"), text_hash("in both")])
        assert set(found) == {text_hash("in both")}
        assert await tx.documents.is_current(kept.document_id, kept.version)
    async with store.system() as system:
        assert await system.builds.drop_table(number)
        assert not await system.builds.drop_table(number)
        assert (await system.builds.progress(number)).documents == 0
    with pytest.raises(asyncpg.UndefinedTableError):
        async with store.tenant(tenant) as tx:
            await tx.chunks.count(number)


class Ticking:
    """A clock whose time passes only when it is asked for."""

    def __init__(self) -> None:
        self.at = 0.0

    def monotonic(self) -> float:
        return self.at


async def test_orders_say_when_a_build_waits(store: Store) -> None:
    number = await a_build(store, token_budget=5, max_rate=100)
    async with store.system() as system:
        orders = await system.builds.orders(number)
        assert orders is not None
        assert (orders.paused, orders.budget_spent, orders.max_rate) == (False, False, 100)
        assert await system.builds.pause(number)
        orders = await system.builds.orders(number)
        assert orders is not None
        assert orders.paused
        assert await system.builds.resume(number, max_rate=None, token_budget=0)
        orders = await system.builds.orders(number)
        assert orders is not None
        assert (orders.paused, orders.budget_spent, orders.max_rate) == (False, True, 100)
    await drop(store, number)


async def test_a_gate_of_a_generation_that_is_gone_holds_nothing_back(store: Store) -> None:
    gate = BuildGate(store, 10_000, Ticking(), has_rate=True)  # type: ignore[arg-type]
    await gate.admit()
