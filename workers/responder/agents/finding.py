"""From a question to numbered passages, while somebody waits for the answer."""

import asyncio
from collections.abc import Sequence

from contracts.errors import ProviderBusy, ProviderUnavailable
from contracts.ids import TenantId
from retrieval import Retrieved, Retriever
from store.nearest import Found
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

    async def passages(self, tenant_id: TenantId, chunks: Sequence[Found]) -> tuple[Passage, ...]:
        """Return the chunks as passages, numbered from 1 in their order."""
        return tuple(
            [
                Passage(
                    index=index,
                    document_id=str(found.document_id),
                    filename=found.filename,
                    page=found.page_first,
                    page_starts=await self._pages.inside(tenant_id, found),
                    char_start=found.char_start,
                    char_end=found.char_end,
                    text=found.text,
                    similarity=found.similarity,
                )
                for index, found in enumerate(chunks, start=1)
            ]
        )


def timings_of(retrieved: Retrieved) -> dict[str, float]:
    """Return what a retrieval took, as an answer states it."""
    return {
        "embed_ms": round(retrieved.embed_ms, 1),
        "retrieve_ms": round(retrieved.search_ms, 1),
    }
