"""Generations: one way to index, and one table of chunks, each."""
# ruff: noqa: S608 - statements are put together from constants, never from values

from dataclasses import dataclass
from typing import Literal

import asyncpg

from runtime.postgres import Connection

GenerationState = Literal["building", "active", "retired", "dropped"]

#: Vectors of more dimensions can be indexed in half precision only.
MOST_OF_FULL_PRECISION = 2000

_COLUMNS = "generation_id, strategy, embedding_model, dimensions, state"

# The generation that answers questions.
ACTIVE = f"SELECT {_COLUMNS} FROM generations WHERE state = 'active'"

# One generation.
GET = f"SELECT {_COLUMNS} FROM generations WHERE generation_id = $1"

# Those whose tables are used: a retired one is fed until it is dropped, so that going back to it
# loses nothing.
FED = f"SELECT {_COLUMNS} FROM generations WHERE state <> 'dropped' ORDER BY generation_id"

# What the chunker of the live uploads makes chunks for, the active one first: one that is being
# built has workers of its own until it has caught up.
TARGETS = f"""
SELECT {_COLUMNS} FROM generations
WHERE state <> 'dropped' AND joined_at IS NOT NULL
ORDER BY state <> 'active', generation_id
"""

# Is a generation still filled by workers of its own?
IS_BUILDING = """
SELECT FROM generations WHERE generation_id = $1 AND state = 'building' AND built_at IS NULL
"""

# Keep a generation from being dropped until this transaction ends. FOR KEY SHARE would not do:
# a change of state does not touch the key.
LOCK = "SELECT FROM generations WHERE generation_id = $1 AND state <> 'dropped' FOR SHARE"


@dataclass(frozen=True, kw_only=True, slots=True)
class Generation:
    """A chunking strategy, an embedding model and its dimensions."""

    generation_id: int
    strategy: str
    embedding_model: str
    dimensions: int
    state: GenerationState


class Generations:
    """The ways to index that exist."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def active(self) -> Generation | None:
        """Return the generation that answers questions, None before the first was made."""
        return _generation(await self._connection.row(ACTIVE))

    async def get(self, generation_id: int) -> Generation | None:
        """Return a generation, dropped or not."""
        return _generation(await self._connection.row(GET, generation_id))

    async def fed(self) -> list[Generation]:
        """Return the generations that hold or will hold every document, oldest first."""
        return [Generation(**row) for row in await self._connection.rows(FED)]

    async def targets(self) -> list[Generation]:
        """Return the generations that live uploads go into, the active one first."""
        return [Generation(**row) for row in await self._connection.rows(TARGETS)]

    async def is_building(self, generation_id: int) -> bool:
        """Say whether workers of its own still fill a generation."""
        return await self._connection.row(IS_BUILDING, generation_id) is not None

    async def lock(self, generation_id: int) -> bool:
        """Keep a generation until the transaction ends; False when it is dropped (or never was)."""
        return await self._connection.row(LOCK, generation_id) is not None


def vector_type(dimensions: int) -> str:
    """Return the type of the vectors of a generation; ``create_chunks_table`` decides it so."""
    return "vector" if dimensions <= MOST_OF_FULL_PRECISION else "halfvec"


def _generation(row: asyncpg.Record | None) -> Generation | None:
    return None if row is None else Generation(**row)
