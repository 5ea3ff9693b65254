"""What one tenant has in the database, read past the product's own code."""

from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

from contracts.ids import DocumentId, TenantId
from tests.chaos.library import Passage

JOBS = "SELECT job_id::text, document_id, status, error_code, error_message FROM jobs"
OPEN_JOBS = "SELECT count(*) FROM jobs WHERE finished_at IS NULL"
TURNS = "SELECT turn_id::text, state, answer, attempt FROM turns"
OPEN_TURNS = "SELECT count(*) FROM turns WHERE finished_at IS NULL"
GENERATION = "SELECT generation_id, strategy FROM generations WHERE state = 'active'"
PASSAGES = """
SELECT chunk_id, document_id, version, ordinal, page_first, page_last, char_start, char_end, text
FROM {table}
"""
LEDGER = "SELECT stage, document_id FROM ledger"
COUNTS = """
SELECT document_id, part_count, parts_done, chunks_total, chunks_done FROM document_generations
WHERE generation_id = $1
"""


@dataclass(frozen=True)
class JobRow:
    """A job."""

    job_id: str
    document_id: DocumentId
    status: str
    error_code: str | None
    error_message: str | None


@dataclass(frozen=True)
class TurnRow:
    """A turn."""

    turn_id: str
    state: str
    answer: str
    attempt: int


class Rows:
    """One tenant's rows, in one transaction."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._connection = connection

    async def jobs(self) -> list[JobRow]:
        return [JobRow(**row) for row in await self._connection.fetch(JOBS)]

    async def open_jobs(self) -> int:
        return int(await self._connection.fetchval(OPEN_JOBS))

    async def turns(self) -> list[TurnRow]:
        return [TurnRow(**row) for row in await self._connection.fetch(TURNS)]

    async def open_turns(self) -> int:
        return int(await self._connection.fetchval(OPEN_TURNS))

    async def generation(self) -> tuple[int, str]:
        """Return the active generation's number and strategy."""
        row = await self._connection.fetchrow(GENERATION)
        assert row is not None
        return row["generation_id"], row["strategy"]

    async def passages(self, generation: int) -> list[Passage]:
        statement = PASSAGES.format(table=f"chunks_g{generation}")
        return [Passage(**row) for row in await self._connection.fetch(statement)]

    async def ledger(self) -> Mapping[str, list[DocumentId]]:
        """Return the documents of every stage's ledger rows."""
        found: dict[str, list[DocumentId]] = defaultdict(list)
        for row in await self._connection.fetch(LEDGER):
            found[row["stage"]].append(row["document_id"])
        return found

    async def miscounted(self, generation: int, chunks: Mapping[DocumentId, int]) -> set[object]:
        """Return the documents of which parts or chunks were counted more or less than once."""
        wrong: set[object] = set(chunks)
        for row in await self._connection.fetch(COUNTS, generation):
            document = row["document_id"]
            counted = {row["chunks_total"], row["chunks_done"], chunks.get(document)}
            if len(counted) == 1 and row["parts_done"] == row["part_count"]:
                wrong.discard(document)
            else:
                wrong.add(document)
        return wrong


@asynccontextmanager
async def rows_of(dsn: str, tenant: TenantId) -> AsyncGenerator[Rows]:
    """Yield the tenant's rows; ``OSError`` while the database is away."""
    try:
        connection = await asyncpg.connect(dsn, timeout=10)
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise OSError(str(error)) from error
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL ROLE ragline_app")
            await connection.execute("SELECT set_config('ragline.tenant', $1, true)", str(tenant))
            yield Rows(connection)
    except (asyncpg.PostgresConnectionError, asyncpg.InterfaceError) as error:
        raise OSError(str(error)) from error
    finally:
        await connection.close(timeout=5)
