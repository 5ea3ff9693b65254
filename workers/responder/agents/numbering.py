"""Chunks as the numbered passages of a prompt."""

from collections.abc import Iterable
from typing import Protocol

from contracts.ids import TenantId
from workers.responder.agents.pages import OnPages, PageStarts
from workers.responder.core import Passage


class Chunk(OnPages, Protocol):
    """A stretch of a parsed text that can be cited."""

    @property
    def filename(self) -> str:
        """The name of its document."""
        ...

    @property
    def text(self) -> str:
        """Itself."""
        ...

    @property
    def similarity(self) -> float | None:
        """Cosine similarity to what was searched for; None where nothing was."""
        ...


async def numbered(
    pages: PageStarts, tenant_id: TenantId, chunks: Iterable[Chunk]
) -> tuple[Passage, ...]:
    """Return the chunks as passages, numbered from 1 in their order."""
    return tuple(
        [
            Passage(
                index=index,
                document_id=str(chunk.document_id),
                filename=chunk.filename,
                page=chunk.page_first,
                page_starts=await pages.inside(tenant_id, chunk),
                char_start=chunk.char_start,
                char_end=chunk.char_end,
                text=chunk.text,
                similarity=chunk.similarity,
            )
            for index, chunk in enumerate(chunks, start=1)
        ]
    )
