"""The parts in which the chunks of a document travel."""

from collections.abc import Sequence

import msgspec

from workers.chunker.core.chunks import Chunk

#: Room for what an event says about a chunk beside the chunk: hash, tenant, names of fields.
_BYTES_BESIDE_A_CHUNK = 512
#: Room for what an event says once: identifiers, trace, counts.
_BYTES_OF_AN_ENVELOPE = 8_192


def plan_parts(
    chunks: Sequence[Chunk], max_chunks: int = 96, max_bytes: int = 256 * 1024
) -> list[list[Chunk]]:
    """Group chunks, in order, into parts of at most ``max_chunks`` and ``max_bytes`` of JSON.

    Every part has at least one chunk: one that is too large for ``max_bytes`` travels alone.
    """
    parts: list[list[Chunk]] = []
    room = 0
    for chunk in chunks:
        size = len(msgspec.json.encode(chunk)) + _BYTES_BESIDE_A_CHUNK
        if not parts or len(parts[-1]) == max_chunks or size > room:
            parts.append([])
            room = max_bytes - _BYTES_OF_AN_ENVELOPE
        parts[-1].append(chunk)
        room -= size
    return parts
