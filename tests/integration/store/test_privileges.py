"""Each role may do what the store's statements do, and nothing else."""

import asyncpg
import pytest

from store import Store
from tests.integration.store.given import a_tenant

pytestmark = pytest.mark.asyncio

#: Whole tables first; a parenthesis holds the columns of what is not granted on the whole table.
GRANTED = {
    "ragline_app": {
        "api_keys": "INSERT SELECT UPDATE(revoked_at)",
        "chunks_g1": "DELETE INSERT SELECT",
        "conversations": "DELETE INSERT SELECT UPDATE",
        "dead_letters": "DELETE SELECT(document_id,tenant_id)",
        "document_generations": "DELETE INSERT SELECT UPDATE",
        "documents": "INSERT SELECT UPDATE",
        "embedding_cache": "DELETE INSERT SELECT",
        "generations": "SELECT UPDATE(created_at)",
        "idempotency_keys": "INSERT SELECT",
        "job_stages": "INSERT SELECT UPDATE",
        "jobs": "INSERT SELECT UPDATE",
        "ledger": "DELETE INSERT SELECT",
        "outbox": "INSERT",
        "parse_jobs": "DELETE INSERT SELECT UPDATE",
        "turns": "INSERT SELECT UPDATE",
        "usage": "INSERT SELECT",
        "users": "INSERT SELECT(created_at,disabled_at,email,role,tenant_id,user_id)",
        "words_g1": "INSERT SELECT",
    },
    "ragline_system": {
        "alembic_version": "SELECT",
        "api_keys": "SELECT UPDATE(last_used_at)",
        "dead_letters": "DELETE INSERT SELECT UPDATE(settled_at,state)",
        "document_generations": "SELECT(chunks_done,document_id,embedding_tokens,failed_at,"
        "generation_id,indexed_at,tenant_id,version)",
        "documents": "SELECT(artefact_key,deleted_at,document_id,purged_at,tenant_id,version) "
        "UPDATE(purged_at)",
        "generations": "SELECT UPDATE(accept_missing,activated_at,built_at,dropped_at,joined_at,"
        "marks,max_rate,paused_at,problem,promote_asked_at,promoting_at,retired_at,state,"
        "token_budget,topic_ready_at)",
        "idempotency_keys": "DELETE SELECT(created_at)",
        "jobs": "SELECT(created_at,document_id,finished_at,job_id,published_at,reconciled,"
        "reconciled_at,revision,status,tenant_id,updated_at,version) UPDATE(published_at)",
        "outbox": "DELETE SELECT UPDATE(published_at)",
        "refresh_tokens": "DELETE INSERT SELECT UPDATE(revoked_at,used_at)",
        "replays": "INSERT SELECT UPDATE(finished_at,positions,problem,published,records,state)",
        "tenants": "INSERT SELECT(deleted_at,tenant_id)",
        "turns": "SELECT(attempt,created_at,lease_until,state,tenant_id,turn_id)",
        "users": "INSERT SELECT",
        "worker_reports": "INSERT SELECT UPDATE",
    },
}

_GRANTS = """
SELECT role, name, string_agg(privilege, ' ' ORDER BY privilege) AS privileges
FROM (
    SELECT grantee::regrole::text AS role, relname AS name, privilege_type AS privilege
    FROM pg_class CROSS JOIN aclexplode(relacl)
    WHERE relnamespace = 'public'::regnamespace AND relkind <> 'S'
  UNION ALL
    SELECT grantee::regrole::text, relname,
           privilege_type || '(' || string_agg(attname, ',' ORDER BY attname) || ')'
    FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid CROSS JOIN aclexplode(attacl)
    WHERE relnamespace = 'public'::regnamespace
    GROUP BY grantee, relname, privilege_type
) granted
WHERE role IN ('ragline_app', 'ragline_system') OR role = '-'
GROUP BY role, name
"""


async def test_the_roles_are_granted_these_things_and_no_more(database: str) -> None:
    connection = await asyncpg.connect(database)
    found: dict[str, dict[str, str]] = {"ragline_app": {}, "ragline_system": {}}
    for row in await connection.fetch(_GRANTS):
        found[row["role"]][row["name"]] = row["privileges"]
    await connection.close()
    assert found == GRANTED


async def test_the_roles_log_in_nowhere_and_own_nothing(database: str) -> None:
    connection = await asyncpg.connect(database)
    roles = await connection.fetch(
        """SELECT rolname, rolcanlogin, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb,
                  (SELECT count(*) FROM pg_class WHERE relowner = pg_roles.oid) AS owned
           FROM pg_roles WHERE rolname IN ('ragline_app', 'ragline_system')"""
    )
    await connection.close()
    assert len(roles) == 2
    for role in roles:
        assert not any(tuple(role)[1:])


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT password_hash FROM users",
        "SELECT * FROM refresh_tokens",
        "SELECT * FROM outbox",
        "SELECT * FROM tenants",
        "SELECT value FROM dead_letters",
        "DELETE FROM documents",
        "UPDATE generations SET state = 'dropped'",
        "TRUNCATE documents",
        "ALTER TABLE documents DISABLE ROW LEVEL SECURITY",
        "DROP POLICY one_tenant ON documents",
        "SELECT create_chunks_table(99, 8)",
        "CREATE TABLE mine (x integer)",
        "SET ROLE postgres",
        "SET SESSION AUTHORIZATION postgres",
    ],
)
async def test_the_app_role_may_not(store: Store, statement: str) -> None:
    tenant = await a_tenant(store)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with store.tenant(tenant) as tx:
            await tx.connection.run(statement)


async def test_the_app_role_may_become_what_its_login_may(store: Store) -> None:
    """PostgreSQL judges SET ROLE by who logged in: the roles guard against forgotten conditions,
    not against whoever can run statements of their own."""
    tenant = await a_tenant(store)
    async with store.tenant(tenant) as tx:
        await tx.connection.run("SET LOCAL ROLE ragline_system")
        assert await tx.connection.value("SELECT current_user") == "ragline_system"


async def test_a_tenant_makes_no_operators(store: Store) -> None:
    tenant = await a_tenant(store)
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="no_operators"):
        async with store.tenant(tenant) as tx:
            await tx.users.add("boss@example.org", "hash", "operator")  # type: ignore[arg-type]


async def test_a_generation_is_locked_without_the_right_to_change_it(store: Store) -> None:
    async with store.tenant(await a_tenant(store)) as tx:
        assert await tx.generations.lock(1)
        assert not await tx.generations.lock(999)


async def test_row_security_cannot_be_switched_off(store: Store) -> None:
    async with store.tenant(await a_tenant(store)) as tx:
        await tx.connection.run("SAVEPOINT before; SET LOCAL row_security = off")
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            await tx.connection.rows("SELECT * FROM documents")
        await tx.connection.run("ROLLBACK TO before")
