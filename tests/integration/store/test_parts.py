"""Parts of a document, the ledger, the cache of embeddings and the parses under way."""

import asyncio

import numpy as np
import pytest

from store import Store
from store.ledger import LedgerKey
from store.parts import PartProgress
from tests.integration.store.given import GENERATION, MODEL, a_tenant, a_vector, accepted

pytestmark = pytest.mark.asyncio

PARTS = 24


async def test_exactly_one_of_many_parts_at_once_is_the_last(store: Store) -> None:
    tenant = await a_tenant(store)
    document = await accepted(store, tenant, b"many parts")
    which = (document.document_id, document.version, GENERATION)
    async with store.tenant(tenant) as tx:
        await tx.parts.expect(*which, part_count=PARTS, chunks_total=2 * PARTS)

    async def complete() -> PartProgress:
        async with store.tenant(tenant) as tx:
            assert await tx.documents.lock_current(document.document_id, document.version)
            progress = await tx.parts.complete(*which, chunks=2, tokens=10)
            await asyncio.sleep(0.01)  # others come meanwhile
            return progress

    seen = await asyncio.gather(*(complete() for _ in range(PARTS)))
    assert sorted(progress.parts_done for progress in seen) == list(range(1, PARTS + 1))
    assert [progress for progress in seen if progress.is_last] == [
        PartProgress(
            parts_done=PARTS,
            part_count=PARTS,
            chunks_done=2 * PARTS,
            chunks_total=2 * PARTS,
            is_last=True,
        )
    ]


async def test_a_part_that_was_rolled_back_was_not_counted(store: Store) -> None:
    tenant = await a_tenant(store)
    document = await accepted(store, tenant, b"rolled back")
    which = (document.document_id, document.version, GENERATION)

    async def fail() -> None:
        async with store.tenant(tenant) as tx:
            assert (await tx.parts.complete(*which, chunks=1, tokens=1)).is_last
            raise KeyError

    async with store.tenant(tenant) as tx:
        await tx.parts.expect(*which, part_count=1, chunks_total=1)
    with pytest.raises(KeyError):
        await fail()
    async with store.tenant(tenant) as tx:
        assert (await tx.parts.complete(*which, chunks=1, tokens=1)).parts_done == 1


async def test_to_expect_again_changes_nothing_and_too_many_parts_are_refused(
    store: Store,
) -> None:
    tenant = await a_tenant(store)
    document = await accepted(store, tenant, b"expected")
    which = (document.document_id, document.version, GENERATION)
    async with store.tenant(tenant) as tx:
        await tx.parts.expect(*which, part_count=1, chunks_total=3)
        assert (await tx.parts.complete(*which, chunks=3, tokens=1)).is_last
        await tx.parts.expect(*which, part_count=9, chunks_total=9)
        with pytest.raises(LookupError):
            await tx.parts.complete(*which, chunks=3, tokens=1)


async def test_the_ledger_keeps_what_was_recorded_first(store: Store) -> None:
    tenant = await a_tenant(store)
    document = (await accepted(store, tenant, b"ledger")).document_id
    key = LedgerKey(stage="embed", document_id=document, version=1, generation=1, part=2)
    others = [
        LedgerKey(stage="chunk", document_id=document, version=1, generation=1, part=2),
        LedgerKey(stage="embed", document_id=document, version=2, generation=1, part=2),
        LedgerKey(stage="embed", document_id=document, version=1, generation=2, part=2),
        LedgerKey(stage="embed", document_id=document, version=1, generation=1, part=3),
        LedgerKey(
            stage="embed", document_id=document, version=1, generation=1, part=2, replay_id="r"
        ),
    ]
    async with store.tenant(tenant) as tx:
        assert await tx.ledger.find(key) is None
        assert await tx.ledger.record(key, b"first")
        assert not await tx.ledger.record(key, b"second")
        assert await tx.ledger.find(key) == b"first"
        assert [await tx.ledger.find(other) for other in others] == [None] * 5
        assert [await tx.ledger.record(other, b"") for other in others] == [True] * 5


async def test_of_two_who_did_the_same_work_at_once_one_may_commit(store: Store) -> None:
    tenant = await a_tenant(store)
    document = (await accepted(store, tenant, b"twice at once")).document_id
    key = LedgerKey(stage="parse", document_id=document, version=1)

    async def record() -> bool:
        async with store.tenant(tenant) as tx:
            done = await tx.ledger.record(key, b"")
            await asyncio.sleep(0.05)
            return done

    assert sorted(await asyncio.gather(*(record() for _ in range(5)))) == [False] * 4 + [True]


async def test_embeddings_come_back_as_they_were(store: Store) -> None:
    tenant = await a_tenant(store)
    vectors = {bytes([n]): a_vector(n, 300) for n in range(50)}
    async with store.tenant(tenant) as tx:
        await tx.embeddings.save(MODEL, vectors)
        await tx.embeddings.save(MODEL, {bytes([1]): a_vector(99, 300)})
        found = await tx.embeddings.find(MODEL, [*vectors, b"unknown"])
        other_model = await tx.embeddings.find("other", list(vectors))
        nothing = await tx.embeddings.find(MODEL, [])
        await tx.embeddings.save(MODEL, {})
    assert found.keys() == vectors.keys()
    assert all(np.array_equal(found[text], vectors[text]) for text in vectors)
    assert found[bytes([1])].dtype == np.float32
    assert (other_model, nothing) == ({}, {})


async def test_the_same_embeddings_saved_at_once_in_any_order_stop_nobody(store: Store) -> None:
    tenant = await a_tenant(store)
    texts = [bytes([n]) for n in range(200)]

    async def save(order: list[bytes]) -> None:
        async with store.tenant(tenant) as tx:
            await tx.embeddings.save(MODEL, {text: a_vector(1) for text in order})

    await asyncio.gather(*(save(texts[::step]) for step in (1, -1, 1, -1, 1, -1)))


async def test_the_providers_job_is_remembered_until_it_is_forgotten(store: Store) -> None:
    tenant = await a_tenant(store)
    document = (await accepted(store, tenant, b"parsed elsewhere")).document_id
    async with store.tenant(tenant) as tx:
        assert await tx.parse_jobs.find(document, 1, "llamaparse") is None
        await tx.parse_jobs.remember(document, 1, "llamaparse", "one")
        await tx.parse_jobs.remember(document, 1, "llamaparse", "two")
        assert await tx.parse_jobs.find(document, 1, "llamaparse") == "two"
        assert await tx.parse_jobs.find(document, 2, "llamaparse") is None
        await tx.parse_jobs.forget(document, 1, "llamaparse")
        assert await tx.parse_jobs.find(document, 1, "llamaparse") is None
