"""Search by words is BM25 over what one tenant has now, whatever filters are set."""

import math
from collections.abc import Sequence

import asyncpg
import numpy as np
import pytest

from contracts.ids import DocumentId, TenantId
from store import Store
from store.lexical import K1, B
from store.migrations.words import fill
from store.nearest import Found, Search
from store.words import MOST_TERMS, Words, count_words, search_terms
from tests.integration.store.given import (
    GENERATION,
    a_chunk,
    a_tenant,
    a_vector,
    accepted,
    index,
    indexed,
)

pytestmark = pytest.mark.asyncio

NOUNS = ("invoice", "contract", "holiday", "backup", "server", "canteen", "parking", "budget")
VERBS = ("approves", "deletes", "signs", "restores", "announces", "measures")


async def by_words(
    store: Store, tenant: TenantId, question: str, limit: int = 10, **filters: object
) -> list[Found]:
    search = Search(vector=a_vector(1), limit=limit, **filters)  # type: ignore[arg-type]
    async with store.tenant(tenant) as tx:
        return await tx.chunks.by_words(GENERATION, question, search)


async def texts(store: Store, tenant: TenantId, question: str, **filters: object) -> list[str]:
    return [found.text for found in await by_words(store, tenant, question, **filters)]


def bm25(collection: Sequence[str], question: str) -> dict[str, float]:
    """The formula of the book, over the same words; lengths in eighths of the average."""
    counted = {text: count_words(text) for text in collection}
    average = sum(words.length for words in counted.values()) / len(counted)

    def score(words: Words) -> float:
        total = 0.0
        norm = 1 - B + B * round(8 * words.length / average) / 8
        for term in search_terms(question):
            having = sum(term in other.counts for other in counted.values())
            rarity = math.log(1 + (len(counted) - having + 0.5) / (having + 0.5))
            count = words.counts.get(term, 0)
            total += rarity * count * (K1 + 1) / (count + K1 * norm)
        return total

    scores = {text: score(words) for text, words in counted.items()}
    return {text: value for text, value in scores.items() if value > 0}


def a_text(number: int) -> str:
    """A text of its own for each number, of 3 to 40 words."""
    random = np.random.default_rng(number)
    words = [str(random.choice(NOUNS if step % 2 else VERBS)) for step in range(3 + number % 38)]
    return f"{' '.join(words)} number {number}."


async def test_scores_and_order_are_those_of_the_formula(store: Store) -> None:
    tenant = await a_tenant(store)
    collection = [a_text(number) for number in range(200)]
    for start in range(0, 200, 50):
        await indexed(store, tenant, b"%d" % start, collection[start : start + 50])
    every_word = " ".join((*NOUNS, *VERBS, "number 7 17 27 37 47 57 67 77 87 97"))
    assert len(search_terms(every_word)) == MOST_TERMS
    for question in ("Who signs the contract?", "backup backup server 42", every_word):
        expected = bm25(collection, question)
        found = await by_words(store, tenant, question, limit=30)
        best = sorted(expected.values(), reverse=True)[:30]
        assert [one.lexical_score for one in found] == pytest.approx(best)
        for one in found:
            assert one.lexical_score == pytest.approx(expected[one.text])


async def test_a_rare_word_counts_more_than_a_frequent_one(store: Store) -> None:
    tenant = await a_tenant(store)
    frequent = [f"The contract names clause {number}." for number in range(20)]
    await indexed(store, tenant, b"idf", [*frequent, "The canteen names a dish."])
    assert (await texts(store, tenant, "contract canteen"))[0] == "The canteen names a dish."


async def test_a_short_chunk_counts_more_than_a_long_one(store: Store) -> None:
    tenant = await a_tenant(store)
    long = "The canteen is open, and " + "so are offices and gates, " * 9 + "says the porter."
    await indexed(store, tenant, b"length", [long, "The canteen is open."])
    assert await texts(store, tenant, "canteen") == ["The canteen is open.", long]


async def test_a_repeated_word_counts_more_though_not_as_often(store: Store) -> None:
    tenant = await a_tenant(store)
    once, thrice = "The canteen serves lunch daily here.", "Canteen lunch, canteen tea, canteen."
    await indexed(store, tenant, b"tf", [once, thrice, "Nothing else is said about it."])
    first, second = await by_words(store, tenant, "canteen")
    assert first.text == thrice
    assert first.lexical_score is not None
    assert second.lexical_score is not None
    assert second.lexical_score < first.lexical_score < 3 * second.lexical_score


async def test_only_what_passes_the_filters_is_found_and_counted(store: Store) -> None:
    tenant = await a_tenant(store)
    law = await indexed(
        store, tenant, b"law", ["a fee", "fee two", "tax law"], knowledge_base="law"
    )
    await indexed(store, tenant, b"tax", ["fee in tax"], metadata={"year": 2020})
    assert len(await texts(store, tenant, "fee")) == 3
    assert set(await texts(store, tenant, "fee", knowledge_base="law")) == {"a fee", "fee two"}
    assert await texts(store, tenant, "fee", metadata={"year": 2020}) == ["fee in tax"]
    by_document = await by_words(store, tenant, "fee", document_ids=[law.document_id])
    assert [one.lexical_score for one in by_document] == pytest.approx(
        sorted(bm25(["a fee", "fee two", "tax law"], "fee").values(), reverse=True)
    )
    assert await texts(store, tenant, "fee", document_ids=[]) == []
    assert await texts(store, tenant, "fee", knowledge_base="none") == []


async def test_scores_tell_nothing_of_another_tenants_words(store: Store) -> None:
    ours, theirs = await a_tenant(store), await a_tenant(store)
    await indexed(store, ours, b"ours", ["The merger is planned.", "Lunch is at noon."])
    before = await by_words(store, ours, "merger lunch")
    await indexed(store, theirs, b"theirs", [f"The merger, part {part}." for part in range(50)])
    assert await by_words(store, ours, "merger lunch") == before
    assert {one.text for one in before} == {"The merger is planned.", "Lunch is at noon."}
    assert [one.lexical_score for one in before] == pytest.approx([before[0].lexical_score] * 2)


async def test_a_deleted_document_is_neither_found_nor_counted(store: Store) -> None:
    tenant = await a_tenant(store)
    await indexed(store, tenant, b"kept", ["The fee is due.", "Lunch is at noon."])
    alone = await by_words(store, tenant, "fee lunch")
    more = await indexed(store, tenant, b"more", ["fee", "fee again", "a fee of ours"])
    assert await by_words(store, tenant, "fee lunch") != alone
    async with store.tenant(tenant) as tx:
        await tx.documents.delete(more.document_id)
        left = await tx.connection.value("SELECT count(*) FROM words_g1")
    assert await by_words(store, tenant, "fee lunch") == alone
    assert left == 2


async def test_a_version_counts_from_when_all_of_it_is_there(store: Store) -> None:
    tenant = await a_tenant(store)
    await indexed(store, tenant, b"versions", ["The old fee."])
    async with store.tenant(tenant) as tx:
        await tx.connection.change("UPDATE jobs SET status = 'failed'")
    second = await accepted(store, tenant, b"versions")
    assert second.version == 2
    which = (second.document_id, second.version)
    new = a_chunk(*which, 0, "The new fee.", a_vector(2))
    async with store.tenant(tenant) as tx:
        await tx.parts.expect(*which, GENERATION, part_count=2, chunks_total=2)
        await tx.chunks.insert(GENERATION, *which, 0, [new])
        await tx.parts.complete(*which, GENERATION, chunks=1, tokens=1)
    [found] = await by_words(store, tenant, "fee")
    assert (found.text, found.version) == ("The old fee.", 1)
    assert found.lexical_score == pytest.approx(bm25(["The old fee."], "fee")["The old fee."])
    async with store.tenant(tenant) as tx:
        await index(tx, second, ["The new fee."])
    assert await texts(store, tenant, "fee") == ["The new fee."]


async def test_what_is_found_has_its_place_and_its_similarity(store: Store) -> None:
    tenant = await a_tenant(store)
    vectors = [a_vector(1), -a_vector(1), np.zeros(8, dtype=np.float32)]
    await indexed(store, tenant, b"all", ["fee a", "fee b", "fee c"], vectors, filename="a.txt")
    found = {one.text: one for one in await by_words(store, tenant, "fee")}
    similarities = [found[text].similarity for text in ("fee a", "fee b", "fee c")]
    assert similarities == pytest.approx([1, -1, 0], abs=1e-6)
    second = found["fee b"]
    assert (second.filename, second.ordinal, second.page_first) == ("a.txt", 1, 1)
    assert (second.char_start, second.char_end) == (100, 105)


@pytest.mark.parametrize("question", ["", "what is the", "zzz", "?!"])
async def test_a_question_without_a_word_of_theirs_finds_nothing(
    store: Store, question: str
) -> None:
    tenant = await a_tenant(store)
    await indexed(store, tenant, b"some", ["The fee is due.", "  ...  "])
    assert await texts(store, tenant, question) == []


async def test_a_search_leaves_the_planner_as_it_was(store: Store) -> None:
    """Later statements of the transaction would otherwise read whole tables."""
    tenant = await a_tenant(store)
    await indexed(store, tenant, b"plan", ["The fee is due."])
    search = Search(vector=a_vector(1), limit=5)
    async with store.tenant(tenant) as tx:
        await tx.chunks.nearest(GENERATION, search)
        await tx.chunks.by_words(GENERATION, "fee", search)
        for name in ("enable_nestloop", "enable_indexscan"):
            assert await tx.connection.value(f"SHOW {name}") == "on"


async def test_one_document_of_a_library_is_searched_alone(store: Store) -> None:
    tenant = await a_tenant(store)
    wanted: list[DocumentId] = []
    for number in range(3):
        document = await indexed(store, tenant, b"%d" % number, [f"fee of {number}"])
        wanted.append(document.document_id)
    assert await texts(store, tenant, "fee", document_ids=wanted[1:2]) == ["fee of 1"]


async def test_a_migration_counts_the_words_of_what_is_there(store: Store, database: str) -> None:
    ours, theirs = await a_tenant(store), await a_tenant(store)
    for tenant in (ours, theirs):
        collection = [f"{a_text(number)} {tenant}" for number in range(30)]
        await indexed(store, tenant, b"before", collection)
    question = "Who signs the contract?"
    before = [await by_words(store, tenant, question) for tenant in (ours, theirs)]
    owner = await asyncpg.connect(database)
    await owner.execute("DROP TABLE words_g1")
    async with owner.transaction():
        await fill(owner)
    assert [await by_words(store, tenant, question) for tenant in (ours, theirs)] == before
    forced = "SELECT count(*) FROM pg_class WHERE relname ~ '_g1$' AND relforcerowsecurity"
    assert await owner.fetchval(forced) == 2
    await owner.close()


async def test_a_dropped_generation_leaves_no_words(store: Store, database: str) -> None:
    owner = await asyncpg.connect(database)
    await owner.execute(
        """INSERT INTO generations (strategy, embedding_model, dimensions, state)
           VALUES ('s', 'm', 8, 'dropped')"""
    )
    made = await owner.fetchval("SELECT max(generation_id) FROM generations")
    await owner.execute("SELECT create_chunks_table($1, 8)", made)
    tables = "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relname ~ $1"
    assert await owner.fetchval(tables, f"_g{made}$") == 2
    async with store.system() as system:
        assert await system.connection.value("SELECT drop_generation_table($1)", made)
    assert await owner.fetchval(tables, f"_g{made}$") == 0
    await owner.close()
