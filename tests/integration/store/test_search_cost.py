"""What a search looks at grows with the tenant's documents, not with their square."""

import pytest

from store import Store, Transaction
from store.nearest import Search
from tests.integration.store.given import GENERATION, a_tenant, a_vector, indexed

pytestmark = pytest.mark.asyncio

DOCUMENTS = 40

# Rows of the documents' progress that this transaction has read.
READ = """
SELECT coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)
FROM pg_stat_xact_user_tables WHERE relname = 'document_generations'
"""


async def test_looks_at_each_document_of_a_new_tenant_once(store: Store) -> None:
    tenant = await a_tenant(store)
    for number in range(DOCUMENTS):
        await indexed(store, tenant, b"%d" % number, [f"text {number}"], [a_vector(number)])
    async with store.tenant(tenant) as tx:
        before = await _rows_read(tx)
        found = await tx.chunks.nearest(GENERATION, Search(vector=a_vector(7), limit=5))
        read = await _rows_read(tx) - before
    assert found[0].text == "text 7"
    assert DOCUMENTS <= read <= 3 * DOCUMENTS


async def _rows_read(tx: Transaction) -> int:
    return int(await tx.chunks._connection.value(READ))  # noqa: SLF001 - only this test asks it
