import pytest

from store import Store
from store.housekeeping import DeletedDocument
from tests.integration.store.given import a_tenant, a_user, accepted

pytestmark = pytest.mark.asyncio


async def _to_purge(store: Store) -> list[DeletedDocument]:
    async with store.system() as system:
        return await system.housekeeping.to_purge(100)


async def test_deleted_documents_are_purged_once_the_oldest_first(store: Store) -> None:
    tenants = [await a_tenant(store), await a_tenant(store)]
    documents = []
    for tenant in tenants:
        document = await accepted(store, tenant, b"to purge")
        async with store.tenant(tenant) as tx:
            await tx.documents.delete(document.document_id)
        documents.append(document)
    found = await _to_purge(store)
    assert [(one.tenant_id, one.document_id, one.version) for one in found] == [
        (tenant, document.document_id, 1)
        for tenant, document in zip(tenants, documents, strict=True)
    ]
    async with store.system() as system:
        await system.housekeeping.mark_purged(found[0].document_id, found[0].deleted_at)
    assert await _to_purge(store) == found[1:]


async def test_a_document_that_came_back_is_not_marked_as_purged(store: Store) -> None:
    tenant = await a_tenant(store)
    document = await accepted(store, tenant, b"comes back")
    async with store.tenant(tenant) as tx:
        await tx.documents.delete(document.document_id)
    found = next(one for one in await _to_purge(store) if one.document_id == document.document_id)
    await accepted(store, tenant, b"comes back")
    assert document.document_id not in [one.document_id for one in await _to_purge(store)]
    async with store.system() as system:
        await system.housekeeping.mark_purged(found.document_id, found.deleted_at)
    async with store.tenant(tenant) as tx:
        await tx.documents.delete(document.document_id)
    again = next(one for one in await _to_purge(store) if one.document_id == document.document_id)
    assert again.version == 2
    assert again.deleted_at > found.deleted_at


async def test_idempotency_keys_go_after_a_day(store: Store) -> None:
    user = await a_user(store)
    async with store.tenant(user.tenant_id) as tx:
        await tx.idempotency.save(user.user_id, "new", b"", {})
        await tx.connection.change(
            """INSERT INTO idempotency_keys (tenant_id, user_id, key, request_hash, response,
                                             created_at)
               VALUES ($1, $2, 'old', '', '{}', now() - interval '25 hours')""",
            user.tenant_id,
            user.user_id,
        )
    async with store.system() as system:
        assert await system.housekeeping.drop_old_idempotency_keys() == 1
    async with store.tenant(user.tenant_id) as tx:
        assert await tx.idempotency.find(user.user_id, "old") is None
        assert await tx.idempotency.find(user.user_id, "new") is not None
