"""Vectors by text, per tenant and model: nothing is embedded twice."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from runtime.postgres import Connection
from store.codecs import from_bytes, to_bytes

# The vectors of some texts, where they are known.
FIND = """
SELECT text_hash, vector FROM embedding_cache
WHERE tenant_id = current_tenant() AND model = $1 AND text_hash = ANY($2)
"""

# Vectors of texts; what is known already stays as it is. In one order for everybody, so that two
# writers of the same texts do not wait for each other in a circle.
SAVE = """
INSERT INTO embedding_cache (tenant_id, model, text_hash, vector)
SELECT current_tenant(), $1, text_hash, vector
FROM unnest($2::bytea[], $3::bytea[]) AS new (text_hash, vector)
ORDER BY text_hash
ON CONFLICT (tenant_id, model, text_hash) DO NOTHING
"""

# Texts that the tenant has no more.
FORGET = """
DELETE FROM embedding_cache
WHERE tenant_id = current_tenant() AND model = $1 AND text_hash = ANY($2)
"""


class EmbeddingCache:
    """The vectors that one tenant has paid for."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def find(self, model: str, hashes: Sequence[bytes]) -> dict[bytes, NDArray[np.float32]]:
        """Return the known vectors by the SHA-256 of their texts; they are read-only."""
        rows = await self._connection.rows(FIND, model, hashes)
        return {row["text_hash"]: from_bytes(row["vector"]) for row in rows}

    async def save(self, model: str, vectors: Mapping[bytes, NDArray[np.float32]]) -> None:
        """Keep vectors by the SHA-256 of their texts.

        Save them in the transaction that writes the chunks: the vectors of a text go with the last
        chunk that has it.
        """
        encoded = [to_bytes(vector) for vector in vectors.values()]
        await self._connection.change(SAVE, model, list(vectors), encoded)

    async def forget(self, model: str, hashes: Sequence[bytes]) -> None:
        """Remove the vectors of texts that the tenant has no more."""
        await self._connection.change(FORGET, model, hashes)
