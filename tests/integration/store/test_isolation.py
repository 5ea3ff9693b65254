"""No tenant sees or changes another's rows, whatever a statement forgets."""
# ruff: noqa: S608 - names of tables and columns, from the catalogue

import asyncio
import importlib
import pkgutil
import re
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import asyncpg
import pytest

import store as store_package
from contracts.conversations import Usage
from contracts.envelope import Outgoing
from contracts.ids import DocumentId, EventId, JobId, TenantId
from contracts.topics import DOCUMENTS_UPLOADED
from runtime.postgres import Connection, Pool
from store import Store, Transaction, dropping, jobs, memory, parts, rebuilding, reprocessing
from store.chunks import Place
from store.codecs import prepare
from store.conversations import Conversation
from store.documents import Accepted
from store.indexes import build_tenant_indexes
from store.ledger import LedgerKey
from store.nearest import INDEXED, Search
from store.reconciling import StalledJob
from store.turns import Answer, Turn, Unfinished
from store.users import User
from tests.fixtures.database import DIMENSIONS
from tests.integration.store.given import (
    GENERATION,
    MODEL,
    a_file,
    a_tenant,
    a_user,
    a_vector,
    index,
    text_hash,
)

pytestmark = pytest.mark.asyncio

TABLES = {"chunks": "chunks_g1", "words": "words_g1", "type": "vector"}
_OF_A_GENERATION = re.compile(r"\{(chunks|words)\}")
# Parts of other statements: each must have been run within one.
PARTS = {"store.nearest.SEARCHABLE", "store.lexical.SEARCHABLE", "store.dropping.KEPT_BY"}
ALL_DAYS = (date(2000, 1, 1), date(2100, 1, 1))

_CONDITION = re.compile(r"(\w+\.)?tenant_id = (current_tenant\(\)|\$2::uuid)")


class Forgetful(Connection):
    """Runs the store's statements without their conditions on the tenant."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection.raw)
        self.forgotten: set[str] = set()

    def _forget(self, statement: str) -> str:
        if _CONDITION.search(statement):
            self.forgotten.add(statement)
        return _CONDITION.sub(
            lambda found: f"{found[2]} IS NOT NULL" if "$" in found[2] else "true", statement
        )

    async def rows(self, statement: str, *values: object) -> list[asyncpg.Record]:
        return await super().rows(self._forget(statement), *values)

    async def row(self, statement: str, *values: object) -> asyncpg.Record | None:
        return await super().row(self._forget(statement), *values)

    async def value(self, statement: str, *values: object) -> Any:
        return await super().value(self._forget(statement), *values)

    async def change(self, statement: str, *values: object) -> int:
        return await super().change(self._forget(statement), *values)


@asynccontextmanager
async def forgetful(store: Store, tenant: TenantId) -> AsyncIterator[tuple[Transaction, Forgetful]]:
    async with store.tenant(tenant) as tx:
        connection = Forgetful(tx.connection)
        yield Transaction(connection), connection


@dataclass(frozen=True, kw_only=True)
class Belongings:
    """One of everything a tenant can have."""

    owner: User
    document: Accepted
    open: Accepted
    failed: Accepted
    conversation: Conversation
    turn: Turn
    waiting: Turn
    key_id: uuid.UUID
    stalled: StalledJob


async def belongings(store: Store) -> Belongings:
    owner = await a_user(store)
    async with store.tenant(owner.tenant_id) as tx:
        new = a_file(owner.tenant_id, b"belongs to somebody")
        document = await tx.documents.accept(new, trace_id=None)
        await index(tx, document, ["their text"])
        which = (document.document_id, document.version)
        opened = await tx.documents.accept(a_file(owner.tenant_id, b"open"), trace_id=None)
        failed = await tx.documents.accept(a_file(owner.tenant_id, b"failed"), trace_id=None)
        await tx.jobs.fail(failed.job_id, stage="parse", code="x", message="x")
        await tx.ledger.record(_ledger_key(document.document_id), b"[]")
        await tx.parse_jobs.remember(*which, "llamaparse", "job-1")
        await tx.outbox.append(_outgoing(owner.tenant_id), headers={})
        conversation = await tx.conversations.create(owner.user_id, "theirs")
        turns = [
            await tx.turns.ask(
                _turn_id(),
                conversation.conversation_id,
                agent="qa",
                question="?",
                options={},
                reply_partition=0,
                trace_id=None,
            )
            for _ in range(3)
        ]
        await tx.turns.claim(turns[0].turn_id, owner="them", seconds=60)
        await tx.turns.claim(turns[2].turn_id, owner="them", seconds=60)
        await tx.turns.finish(turns[2].turn_id, attempt=1, owner="them", answer=_answer())
        await tx.memories.keep(conversation.conversation_id, "short", 1)
        key_id = uuid.uuid4()
        await tx.api_keys.create(key_id, owner.user_id, "key", key_id.bytes, "rk_")
        await tx.idempotency.save(owner.user_id, "once", b"hash", {"ok": True})
        await tx.usage.asked(turns[0].turn_id)
        job = await tx.jobs.get(opened.job_id)
    assert job is not None
    return Belongings(
        owner=owner,
        document=document,
        open=opened,
        failed=failed,
        conversation=conversation,
        turn=turns[0],
        waiting=turns[1],
        key_id=key_id,
        stalled=StalledJob(
            tenant_id=owner.tenant_id,
            job_id=job.job_id,
            document_id=job.document_id,
            version=job.version,
            status=job.status,
            reconciled=0,
            created_at=job.created_at,
            updated_at=job.updated_at,
        ),
    )


def _turn_id() -> Any:
    return uuid.uuid4()


def _ledger_key(document: DocumentId) -> LedgerKey:
    return LedgerKey(stage="embed", document_id=document, version=1, generation=GENERATION)


def _outgoing(tenant: TenantId) -> Outgoing:
    return Outgoing(
        topic=DOCUMENTS_UPLOADED,
        key="k",
        tenant_id=tenant,
        event=None,
        event_id=EventId(uuid.uuid4()),
    )


async def look_at(tx: Transaction, theirs: Belongings) -> dict[str, object]:
    """Everything the store can read of these things; falsy where there is nothing."""
    document = theirs.document
    which = (document.document_id, document.version)
    user = theirs.owner.user_id
    return await look_at_what_others_ask_first(tx, theirs) | {
        "document": await tx.documents.get(document.document_id),
        "documents": await tx.documents.list(limit=10),
        "current": await tx.documents.is_current(*which),
        "locked": await tx.documents.lock_current(*which),
        "chunks": await tx.documents.chunks(document.document_id, limit=10),
        "neighbours": await tx.chunks.neighbours(GENERATION, [Place(*which, 0)]),
        "count": await tx.chunks.count(GENERATION),
        "nearest": await tx.chunks.nearest(GENERATION, Search(vector=a_vector(1), limit=10)),
        "by_words": await tx.chunks.by_words(
            GENERATION, "their text", Search(vector=a_vector(1), limit=10)
        ),
        "embeddings": await tx.embeddings.find(MODEL, [text_hash("their text")]),
        "job": await tx.jobs.get(document.job_id),
        "jobs": await tx.jobs.list(limit=10),
        "indexed": await tx.stalled_jobs.is_indexed(*which),
        "ledger": await tx.ledger.find(_ledger_key(document.document_id)),
        "done": await tx.ledger.is_done(_ledger_key(document.document_id)),
        "to_reprocess": await tx.reprocessing.lock(*which),
        "parse_job": await tx.parse_jobs.find(*which, "llamaparse"),
        "conversation": await tx.conversations.get(theirs.conversation.conversation_id, user),
        "conversations": await tx.conversations.list(user, limit=10),
        "turn": await tx.turns.get(theirs.turn.turn_id),
        "history": await tx.turns.history(theirs.conversation.conversation_id, limit=10),
        "users": await tx.users.list(),
        "key": await tx.api_keys.get(theirs.key_id),
        "keys": await tx.api_keys.list(limit=10),
        "usage": await tx.usage.by_day(*ALL_DAYS),
        "idempotency": await tx.idempotency.find(user, "once"),
    }


async def look_at_what_others_ask_first(tx: Transaction, theirs: Belongings) -> dict[str, object]:
    """Read by statements that the store runs only once it saw something else of the tenant's."""
    which = (theirs.document.document_id, theirs.document.version)
    talk = theirs.conversation.conversation_id
    run = tx.connection
    return {
        "summary": (await tx.memories.recall(talk, before=99, characters=99)).summary,
        "exchanges": await run.rows(memory.EXCHANGES, talk, 0, 99, 99),
        "unread": await run.value(memory.UNREAD, talk, 0, 99, 0),
        "open": await run.row(jobs.LOCK_OPEN, theirs.open.job_id) is not None,
        "complete": await run.value(jobs.IS_COMPLETE, *which),
        "whole": await run.value(rebuilding.IS_WHOLE.format(**TABLES), *which, GENERATION),
        "part": await run.row(parts.LOCK, *which, GENERATION) is not None,
    }


def changes_of(theirs: Belongings) -> dict[str, tuple[object, ...]]:
    """Statements that change something of these things whoever they belong to, with values."""
    which = (theirs.document.document_id, theirs.document.version)
    return {
        dropping.FORGET_EMBEDDINGS.format(**TABLES): (MODEL,),
        dropping.FORGET_PROGRESS: (GENERATION,),
        dropping.FORGET_LEDGER: (GENERATION,),
        memory.KEEP: (theirs.conversation.conversation_id, "forged", 9),
        rebuilding.RESTORE_PAGES: (*which, "x", "x", 1, 1),
        rebuilding.FORGET_PROGRESS: (*which, GENERATION),
        rebuilding.FORGET_LEDGER: (*which, GENERATION),
        rebuilding.REMOVE_PART.format(**TABLES): (*which, 0),
        reprocessing.NEXT_VERSION: which[:1],
    }


async def changed_by(tx: Transaction, statements: dict[str, tuple[object, ...]]) -> dict[str, int]:
    """How many rows each statement changes, by itself: it is undone before the next one."""
    counted: dict[str, int] = {}
    for statement, values in statements.items():
        await tx.connection.run("SAVEPOINT before")
        counted[statement] = await tx.connection.change(statement, *values)
        await tx.connection.run("ROLLBACK TO SAVEPOINT before")
    return counted


async def meddle_with(tx: Transaction, theirs: Belongings) -> None:
    """Everything the store can change of these things."""
    document = theirs.document
    which = (document.document_id, document.version)
    await tx.documents.mark_parsed(
        *which, artefact_key="x", parser="x", pages=1, characters=1, pages_billed=1
    )
    assert not await tx.stalled_jobs.take(theirs.stalled)
    for job in (document.job_id, theirs.open.job_id, theirs.failed.job_id):
        assert not await tx.jobs.finish_if_complete(job, *which)
        await meddle_with_a_job(tx, job)
    await tx.dropping.forget(GENERATION, MODEL)
    for statement, values in changes_of(theirs).items():
        assert not await tx.connection.change(statement, *values)
    with pytest.raises(LookupError):
        await tx.parts.complete(*which, GENERATION, chunks=1, tokens=1)
    await tx.chunks.remove_other_versions(GENERATION, document.document_id, 99)
    await tx.chunks.remove_document(document.document_id)
    await tx.embeddings.forget(MODEL, [text_hash("their text")])
    await tx.parse_jobs.forget(*which, "llamaparse")
    assert await tx.documents.delete(document.document_id) is None
    with pytest.raises(LookupError):
        await tx.turns.ask(
            _turn_id(),
            theirs.conversation.conversation_id,
            agent="qa",
            question="?",
            options={},
            reply_partition=0,
            trace_id=None,
        )
    await meddle_with_turns(tx, theirs)
    await tx.conversations.touch(theirs.conversation.conversation_id)
    assert not await tx.conversations.delete(
        theirs.conversation.conversation_id, theirs.owner.user_id
    )
    assert not await tx.api_keys.revoke(theirs.key_id)


async def meddle_with_a_job(tx: Transaction, job: JobId) -> None:
    await tx.jobs.start_stage(job, "parse", status="parsing")
    await tx.jobs.finish_stage(job, "parse", done=1, total=1, next_stage="chunk", status="chunking")
    await tx.jobs.advance(job, "embed", done=1, total=1)
    assert not await tx.jobs.fail(job, stage="embed", code="x", message="x")
    assert not await tx.jobs.reopen(job, "embed")
    await tx.jobs.finish(job)


async def meddle_with_turns(tx: Transaction, theirs: Belongings) -> None:
    turn = theirs.turn.turn_id
    assert not await tx.turns.extend(turn, owner="them", attempt=1, seconds=1)
    assert not await tx.turns.finish(turn, attempt=1, owner="them", answer=_answer())
    assert not await tx.turns.fail(
        turn, attempt=1, owner="them", code="x", message="x", said=Unfinished()
    )
    assert not await tx.turns.keep(turn, attempt=1, owner="them", said=Unfinished())
    await tx.turns.set_first_offset(turn, attempt=1, offset=7)
    assert not await tx.turns.fail_unowned(theirs.waiting.turn_id, "x", "x")
    assert not await tx.turns.cancel(theirs.waiting.turn_id)
    assert (await tx.turns.claim(theirs.waiting.turn_id, owner="us", seconds=1)).turn is None


def _answer() -> Answer:
    return Answer(
        text="x",
        sources=[],
        citations=[],
        model="x",
        usage=Usage(),
        timings={},
        finish_reason="stop",
        generation_id=None,
    )


async def everything_of(store: Store, tenant: TenantId) -> dict[str, list[object]]:
    async with store.tenant(tenant) as tx:
        tables = await _readable(tx.connection)
        return {
            table: [
                tuple(row.values())
                for row in await tx.connection.rows(f"SELECT {columns} FROM {table} ORDER BY 1, 2")
            ]
            for table, columns in tables.items()
        }


async def _readable(connection: Connection) -> dict[str, str]:
    """The tables with the columns that the current role may read."""
    rows = await connection.rows(
        """SELECT c.relname AS name,
                  string_agg(quote_ident(attname), ', ' ORDER BY attnum) AS columns
           FROM pg_class c JOIN pg_attribute ON attrelid = c.oid
           WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND attnum > 0
             AND NOT attisdropped AND has_column_privilege(c.oid, attnum, 'SELECT')
           GROUP BY c.relname"""
    )
    return {row["name"]: row["columns"] for row in rows}


async def test_statements_without_their_conditions_see_nothing_of_another_tenant(
    store: Store,
) -> None:
    theirs, we = await belongings(store), await a_user(store)
    async with forgetful(store, we.tenant_id) as (tx, _):
        seen = await look_at(tx, theirs)
    assert [user.user_id for user in seen.pop("users")] == [we.user_id]  # type: ignore[attr-defined]
    assert {what: found for what, found in seen.items() if found} == {}


async def test_the_same_statements_see_what_is_ones_own(store: Store) -> None:
    ours = await belongings(store)
    async with forgetful(store, ours.owner.tenant_id) as (tx, _):
        seen = await look_at(tx, ours)
    assert [what for what, found in seen.items() if not found] == []


async def test_statements_without_their_conditions_change_nothing_of_another_tenant(
    store: Store,
) -> None:
    theirs, we = await belongings(store), await a_tenant(store)
    before = await everything_of(store, theirs.owner.tenant_id)
    assert len([table for table, rows in before.items() if rows]) >= 13
    async with forgetful(store, we) as (tx, _):
        await meddle_with(tx, theirs)
    assert await everything_of(store, theirs.owner.tenant_id) == before


async def test_the_same_statements_change_what_is_ones_own_and_nothing_else(store: Store) -> None:
    theirs, ours = await belongings(store), await belongings(store)
    before = await everything_of(store, theirs.owner.tenant_id)
    async with forgetful(store, ours.owner.tenant_id) as (tx, _):
        counted = await changed_by(tx, changes_of(ours))
        for statement, values in changes_of(ours).items():
            await tx.connection.change(statement, *values)
        await tx.documents.delete(ours.document.document_id)
    assert counted == dict.fromkeys(counted, 1)  # one of everything
    assert await everything_of(store, theirs.owner.tenant_id) == before


async def test_what_another_tenant_keeps_is_no_reason_to_keep_an_embedding(store: Store) -> None:
    """They have the text in a generation that stays, we only in one that is dropped."""
    theirs, we = await belongings(store), await a_tenant(store)
    async with store.system() as system:
        number = await system.builds.create(
            strategy="sentence_2", embedding_model=MODEL, dimensions=DIMENSIONS
        )
    async with store.tenant(we) as tx:
        document = await tx.documents.accept(a_file(we, b"ours"), trace_id=None)
        await index(tx, document, ["their text"], generation=number)
        assert await tx.embeddings.find(MODEL, [text_hash("their text")])
    async with store.system() as system:
        assert await system.builds.drop(number)
    before = await everything_of(store, theirs.owner.tenant_id)
    async with forgetful(store, we) as (tx, connection):
        await tx.dropping.forget(number, MODEL)
        assert not await tx.embeddings.find(MODEL, [text_hash("their text")])
    assert any(dropping.KEPT_BY.format(**TABLES) in one for one in connection.forgotten)
    assert await everything_of(store, theirs.owner.tenant_id) == before
    async with store.system() as system:
        assert await system.builds.drop_table(number)


async def test_how_far_another_tenants_document_is_cannot_be_written(store: Store) -> None:
    """These two statements have no condition: they insert, or change what is there already."""
    theirs, we = await belongings(store), await a_tenant(store)
    before = await everything_of(store, theirs.owner.tenant_id)
    which = (theirs.document.document_id, theirs.document.version)
    async with store.tenant(we) as tx:
        await tx.parts.expect(*which, GENERATION, part_count=9, chunks_total=9)
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        async with store.tenant(we) as tx:
            await tx.parts.fail(*which, GENERATION)
    assert await everything_of(store, theirs.owner.tenant_id) == before


async def test_a_forged_id_of_another_tenants_document_is_refused(store: Store) -> None:
    theirs, we = await belongings(store), await a_tenant(store)
    async with forgetful(store, we) as (tx, _):
        forged = a_file(theirs.owner.tenant_id, b"belongs to somebody")
        with pytest.raises(RuntimeError, match="another tenant"):
            await tx.documents.accept(forged, trace_id=None)


async def test_a_search_through_an_index_without_its_conditions_finds_ones_own(
    store: Store, database: str
) -> None:
    theirs, ours = await belongings(store), await belongings(store)
    await build_tenant_indexes(database, min_chunks=1)
    async with forgetful(store, ours.owner.tenant_id) as (tx, connection):
        found = await tx.chunks.nearest(GENERATION, Search(vector=a_vector(1), limit=1))
        more = await tx.chunks.nearest(GENERATION, Search(vector=a_vector(1), limit=10))
    assert INDEXED.format(**TABLES) in connection.forgotten
    assert {chunk.document_id for chunk in found + more} == {ours.document.document_id}
    assert theirs.document.document_id != ours.document.document_id


async def test_every_statement_with_a_condition_was_run_without_it(
    store: Store, database: str
) -> None:
    """The tests above would prove nothing about a statement that they leave out."""
    ours = await belongings(store)
    async with forgetful(store, ours.owner.tenant_id) as (tx, connection):
        await look_at(tx, ours)
        ran = connection.forgotten
    await build_tenant_indexes(database, min_chunks=1)
    async with forgetful(store, ours.owner.tenant_id) as (tx, connection):
        await look_at(tx, ours)
        again = a_file(ours.owner.tenant_id, b"belongs to somebody")
        await tx.documents.accept(again, trace_id=None)
        fresh = await tx.documents.accept(a_file(ours.owner.tenant_id, b"x"), trace_id=None)
        await tx.jobs.fail(fresh.job_id, stage="parse", code="x", message="x")
        await tx.documents.accept(a_file(ours.owner.tenant_id, b"x"), trace_id=None)
        ran |= connection.forgotten
    async with forgetful(store, await a_tenant(store)) as (tx, connection):
        await meddle_with(tx, ours)
        ran |= connection.forgotten
    async with forgetful(store, ours.owner.tenant_id) as (tx, connection):
        await tx.documents.delete(ours.document.document_id)
        ran |= connection.forgotten
    assert {name for name, text in _statements().items() if not _is_in(ran, name, text)} == set()


def _is_in(ran: set[str], name: str, text: str) -> bool:
    return any(text in one for one in ran) if name in PARTS else text in ran


def _statements() -> dict[str, str]:
    """The store's statements, by module and name, that have a condition on the tenant."""
    modules = [
        importlib.import_module(f"store.{found.name}")
        for found in pkgutil.iter_modules(store_package.__path__)
        if not found.ispkg
    ]
    return {
        f"{module.__name__}.{name}": text.format(**TABLES)
        if _OF_A_GENERATION.search(text)
        else text
        for module in modules
        for name, text in vars(module).items()
        if name.isupper()
        and not name.startswith("_")
        and isinstance(text, str)
        and _CONDITION.search(text)
    }


async def test_without_a_tenant_no_row_is_seen(store: Store, database: str) -> None:
    await belongings(store)
    pool = await Pool.open(database, size=1, application="test", prepare=prepare)
    async with pool.transaction("ragline_app") as connection:
        tables = await _readable(connection)
        seen = {table: await connection.value(f"SELECT count(*) FROM {table}") for table in tables}
    await pool.close()
    assert seen.pop("generations") >= 1  # of the installation, not of a tenant
    assert len(seen) == 16
    assert {table for table, rows in seen.items() if rows} == set()


async def test_outside_of_a_transaction_the_owner_sees_no_row(store: Store, database: str) -> None:
    await belongings(store)
    connection = await asyncpg.connect(database)
    tables = await _readable(Connection(connection))
    seen = {t: await connection.fetchval(f"SELECT count(*) FROM {t}") for t in tables}
    await connection.close()
    assert {table for table, rows in seen.items() if rows} == {"generations", "alembic_version"}


async def test_a_row_of_another_tenant_cannot_be_written(store: Store) -> None:
    theirs, we = await belongings(store), await a_tenant(store)
    refused = []
    for table in sorted(await _writable(store, we)):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            async with store.tenant(we) as tx:
                await tx.connection.change(
                    f"INSERT INTO {table} (tenant_id) VALUES ($1)", theirs.owner.tenant_id
                )
        refused.append(table)
    assert len(refused) >= 13


async def test_a_row_of_ones_own_cannot_hang_on_another_tenants(store: Store) -> None:
    """Foreign keys are checked past row-level security."""
    theirs, we = await belongings(store), await a_user(store)
    document, conversation = theirs.document.document_id, theirs.conversation.conversation_id
    owner = theirs.owner.user_id
    forged: dict[str, list[object]] = {
        "jobs (tenant_id, document_id, job_id, version, status)": [document, document, 9, "failed"],
        "parse_jobs (tenant_id, document_id, version, provider, external_id)": [
            document,
            9,
            "",
            "",
        ],
        "document_generations (tenant_id, document_id, version, generation_id, part_count,"
        " chunks_total)": [document, 9, 1, 1, 1],
        "conversations (tenant_id, user_id, conversation_id, title)": [owner, document, ""],
        "turns (tenant_id, conversation_id, turn_id, ordinal, agent, question, state,"
        " reply_partition)": [conversation, document, 9, "", "", "done", 0],
        "api_keys (tenant_id, user_id, key_id, name, key_hash, prefix)": [
            *(owner, document, "k", b"forged", "")
        ],
        "idempotency_keys (tenant_id, user_id, key, request_hash, response)": [owner, "k", b"", {}],
    }
    for table, values in forged.items():
        numbers = ", ".join(f"${n}" for n in range(1, len(values) + 1))
        with pytest.raises(asyncpg.ForeignKeyViolationError):
            async with store.tenant(we.tenant_id) as tx:
                await tx.connection.change(
                    f"INSERT INTO {table} VALUES (current_tenant(), {numbers})", *values
                )


async def _writable(store: Store, tenant: TenantId) -> set[str]:
    async with store.tenant(tenant) as tx:
        rows = await tx.connection.rows(
            """SELECT c.relname AS name FROM pg_class c JOIN pg_attribute ON attrelid = c.oid
               WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
                 AND attname = 'tenant_id' AND has_table_privilege(c.oid, 'INSERT')"""
        )
    return {row["name"] for row in rows}


async def test_every_table_with_a_tenant_forces_row_level_security(database: str) -> None:
    connection = await asyncpg.connect(database)
    loose = await connection.fetch(
        """SELECT c.relname FROM pg_class c JOIN pg_attribute ON attrelid = c.oid
           WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND attname = 'tenant_id'
             AND NOT (relrowsecurity AND relforcerowsecurity)"""
    )
    await connection.close()
    assert loose == []


async def _who(pool: Pool) -> tuple[str, str]:
    """Role and tenant of a connection as the pool hands it out."""
    async with pool.transaction("NONE") as connection:
        row = await connection.row("SELECT current_user, current_setting('ragline.tenant')")
    assert row is not None
    return row[0], row[1]


async def test_a_pooled_connection_carries_neither_tenant_nor_role_over(database: str) -> None:
    pool = await Pool.open(database, size=1, application="test", prepare=prepare)
    tenant = uuid.uuid4()

    async def fail() -> None:
        async with pool.transaction("ragline_app", tenant=tenant) as connection:
            await connection.value("SELECT 1 / 0")

    async def linger() -> None:
        async with pool.transaction("ragline_app", tenant=tenant) as connection:
            await connection.value("SELECT pg_sleep(10)")

    async with pool.transaction("ragline_app", tenant=tenant) as connection:
        inside = await connection.value("SELECT current_user || current_tenant()")
    assert inside == f"ragline_app{tenant}"
    assert await _who(pool) == ("ragline", "")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await fail()
    assert await _who(pool) == ("ragline", "")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(linger(), 0.2)
    assert await _who(pool) == ("ragline", "")
    async with pool.transaction("ragline_system") as connection:
        assert await connection.value("SELECT current_tenant()") is None
    await pool.close()


async def test_a_transaction_with_an_ignored_error_is_not_called_committed(store: Store) -> None:
    tenant = await a_tenant(store)

    async def ignore() -> None:
        async with store.tenant(tenant) as tx:
            with pytest.raises(asyncpg.DivisionByZeroError):
                await tx.connection.value("SELECT 1 / 0")

    with pytest.raises(RuntimeError, match="nothing was committed"):
        await ignore()
