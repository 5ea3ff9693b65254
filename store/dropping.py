"""What a dropped generation leaves with a tenant, beside its table."""

from runtime.postgres import Connection
from store.generations import Generations
from store.tables import chunks_table

# The vectors of texts that only this generation has: a deletion would not find them any more.
FORGET_EMBEDDINGS = """
DELETE FROM embedding_cache cached
WHERE tenant_id = current_tenant() AND model = $1
  AND text_hash IN (SELECT text_hash FROM {chunks} WHERE tenant_id = current_tenant())
"""
KEPT_BY = """
  AND NOT EXISTS (SELECT FROM {chunks} kept
                  WHERE kept.tenant_id = current_tenant() AND kept.text_hash = cached.text_hash)
"""
FORGET_PROGRESS = """
DELETE FROM document_generations WHERE tenant_id = current_tenant() AND generation_id = $1
"""
FORGET_LEDGER = "DELETE FROM ledger WHERE tenant_id = current_tenant() AND generation = $1"


class Dropping:
    """Removes what one tenant has of a dropped generation."""

    def __init__(self, connection: Connection, generations: Generations) -> None:
        self._connection = connection
        self._generations = generations

    async def forget(self, generation_id: int, embedding_model: str) -> None:
        """Remove progress, ledger, and the embeddings of texts that no other generation has."""
        others = [
            other.generation_id
            for other in await self._generations.fed()
            if other.embedding_model == embedding_model
        ]
        statement = FORGET_EMBEDDINGS.format(chunks=chunks_table(generation_id)) + "".join(
            KEPT_BY.format(chunks=chunks_table(other)) for other in others
        )
        await self._connection.change(statement, embedding_model)
        await self._connection.change(FORGET_PROGRESS, generation_id)
        await self._connection.change(FORGET_LEDGER, generation_id)
