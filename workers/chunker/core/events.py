"""The events that carry a document's chunks, part by part."""

from collections.abc import Sequence
from dataclasses import dataclass

from contracts.documents import ChunkText, DocumentChunked, DocumentParsed
from contracts.envelope import Outgoing
from contracts.ids import chunk_id, event_id
from contracts.topics import Topic
from workers.chunker.core.chunks import Chunk


@dataclass(frozen=True, kw_only=True)
class Target:
    """The generation that chunks are made for."""

    generation: int
    strategy: str
    #: Where its parts go.
    topic: Topic
    is_active: bool
    #: Whether a build's own workers make them.
    is_build: bool


def announce(
    event: DocumentParsed, parts: Sequence[Sequence[Chunk]], target: Target
) -> list[Outgoing]:
    """Return one event for each part, in their order; the same parts give the same events."""
    total = sum(len(part) for part in parts)
    return [
        Outgoing(
            topic=target.topic,
            key=f"{event.document_id}:{number}",
            tenant_id=event.tenant_id,
            event_id=event_id(
                "chunk",
                event.document_id,
                event.version,
                target.generation,
                number,
                event.replay_id,
            ),
            event=DocumentChunked(
                tenant_id=event.tenant_id,
                document_id=event.document_id,
                version=event.version,
                job_id=event.job_id,
                replay_id=event.replay_id,
                generation=target.generation,
                part=number,
                part_count=len(parts),
                chunks_total=total,
                strategy=target.strategy,
                chunks=tuple(_text(event, chunk, target) for chunk in part),
            ),
        )
        for number, part in enumerate(parts)
    ]


def _text(event: DocumentParsed, chunk: Chunk, target: Target) -> ChunkText:
    return ChunkText(
        chunk_id=chunk_id(event.document_id, event.version, target.strategy, chunk.ordinal),
        ordinal=chunk.ordinal,
        page_first=chunk.page_first,
        page_last=chunk.page_last,
        char_start=chunk.char_start,
        char_end=chunk.char_end,
        text=chunk.text,
    )
