"""`/api/v2/search`."""

from litestar import Controller, post
from litestar.params import JSONBody
from litestar.status_codes import HTTP_200_OK

import retrieval
from gateway.auth.guards import may_ask
from gateway.dependencies import Given
from gateway.principal import Principal
from gateway.problems import documented
from gateway.questions import checked_question, require_documents
from gateway.search.schemas import ReadContext, Result, Results, SearchFor
from retrieval import EmbeddingModels, Retriever, Wanted
from runtime.settings import Settings
from store import Store


class SearchController(Controller):
    """Search in the tenant's documents."""

    path = "/api/v2/search"
    tags = ("search",)
    guards = (may_ask,)

    @post(
        operation_id="search",
        summary="Search in your documents",
        status_code=HTTP_200_OK,
        responses=documented(400, 401, 404, 413, 422),
    )
    async def search(
        self,
        data: JSONBody[SearchFor],
        principal: Given[Principal],
        settings: Given[Settings],
        store: Given[Store],
        embedding: Given[EmbeddingModels],
    ) -> Results:
        """Return the passages that fit the query by meaning or words, best first."""
        query = checked_question(data.query, settings, field="query")
        async with store.tenant(principal.tenant_id) as tx:
            await require_documents(tx, data.filters.document_ids or ())
        wanted = Wanted(
            max_chunks=data.max_results,
            threshold=data.threshold,
            neighbours=data.neighbours,
            legs=data.legs,
            filters=data.filters,
        )
        retriever = Retriever.of(settings, store, embedding)
        retrieved = await retriever.retrieve(principal.tenant_id, query, wanted)
        return Results(
            results=list(map(_shown, retrieved.results)),
            threshold=retrieved.threshold,
            embedding_model=retrieved.generation.embedding_model,
            timings={
                "embed_ms": round(retrieved.embed_ms, 1),
                "retrieve_ms": round(retrieved.search_ms, 1),
            },
        )


def _shown(result: retrieval.Result) -> Result:
    found, context = result.found, result.context
    return Result(
        rank=result.rank,
        chunk_id=found.chunk_id,
        document_id=found.document_id,
        filename=found.filename,
        page=found.page_first,
        page_last=found.page_last,
        char_start=found.char_start,
        char_end=found.char_end,
        text=found.text,
        similarity=found.similarity,
        lexical_score=found.lexical_score,
        score=result.score,
        vector_rank=result.vector_rank,
        lexical_rank=result.lexical_rank,
        is_context=result.is_context,
        context=ReadContext(
            char_start=context.char_start, char_end=context.char_end, text=context.text
        ),
    )
