"""From a question to numbered passages, while somebody waits for the answer."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from contracts.errors import ProviderBusy, ProviderUnavailable
from contracts.ids import TenantId
from retrieval import Context, Retrieved, Retriever
from workers.responder.agents.numbering import numbered
from workers.responder.agents.pages import PageStarts
from workers.responder.agents.patience import pause_after
from workers.responder.agents.protocol import Question
from workers.responder.core import Passage


class Finder:
    """Finds what a question can be answered from."""

    def __init__(self, retriever: Retriever, pages: PageStarts) -> None:
        self._retriever = retriever
        self._pages = pages

    async def find(self, question: Question) -> Retrieved:
        """Return what fits the question as it is searched for; its embedding may take some tries.

        Raises what the embedding model raises, and ``StoreUnavailable``.
        """
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._retriever.retrieve(
                    question.tenant_id, question.searched, question.wanted
                )
            except (ProviderBusy, ProviderUnavailable) as error:
                pause = pause_after(error, attempt)
                if pause is None:
                    raise
            await asyncio.sleep(pause)

    async def passages(
        self, tenant_id: TenantId, contexts: Sequence[Context]
    ) -> tuple[Passage, ...]:
        """Return what is to be read as passages, numbered from 1 in their order."""
        passages = await numbered(self._pages, tenant_id, contexts)
        return tuple(map(_in_pieces, passages, contexts))


def _in_pieces(passage: Passage, context: Context) -> Passage:
    """Return the passage with its chunks, which tell its pages where nothing else does."""
    start = context.char_start
    return replace(
        passage,
        pieces=tuple(
            (piece.char_start - start, piece.char_end - start) for piece in context.pieces
        ),
        page_starts=passage.page_starts
        or tuple((piece.char_start, piece.page_first) for piece in context.pieces[1:]),
    )


def timings_of(retrieved: Retrieved) -> dict[str, float]:
    """Return what a retrieval took, as an answer states it."""
    return {
        "embed_ms": round(retrieved.embed_ms, 1),
        "retrieve_ms": round(retrieved.search_ms, 1),
    }
