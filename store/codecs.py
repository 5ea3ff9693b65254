"""How values travel between Python and PostgreSQL."""

import msgspec
import numpy as np
from numpy.typing import NDArray
from pgvector import SparseVector, Vector

from contracts.errors import Misconfigured
from runtime.postgres import RawConnection


async def prepare(connection: RawConnection) -> None:
    """Teach a new connection JSON (as Python values) and the vectors of ``pgvector``."""
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=_to_json, decoder=msgspec.json.decode, format="text"
    )
    try:
        await connection.set_type_codec(
            "vector",
            schema="public",
            encoder=Vector.to_binary,
            decoder=Vector.from_binary,
            format="binary",
        )
        await connection.set_type_codec(
            "sparsevec",
            schema="public",
            encoder=SparseVector.to_binary,
            decoder=SparseVector.from_binary,
            format="binary",
        )
    except ValueError as error:
        raise Misconfigured(
            "The database has no extension `vector` yet: run `ragline migrate`."
        ) from error


def _to_json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def to_bytes(vector: NDArray[np.float32]) -> bytes:
    """Return the vector as little-endian float32."""
    return vector.astype("<f4", copy=False).tobytes()


def from_bytes(data: bytes) -> NDArray[np.float32]:
    """Return the vector in ``data``, read-only; the inverse of ``to_bytes``."""
    return np.frombuffer(data, dtype="<f4")
