"""The agent that only finds: the passages that fit a question, the best first, and no model."""

from contracts.conversations import Citation, Source, Usage
from retrieval import Retrieved
from store.turns import Answer
from workers.responder.agents.answering import NO_MODEL, NOTHING_FOUND, source_of
from workers.responder.agents.finding import Finder, timings_of
from workers.responder.agents.limits import Limits
from workers.responder.agents.numbering import numbered
from workers.responder.agents.pages import PageStarts
from workers.responder.agents.protocol import Question
from workers.responder.agents.run import Run
from workers.responder.core import Passage


class SearchAgent:
    """Retrieves; other agents call it as a tool."""

    name = "search"
    limits = Limits(steps=1, tokens=1_000, seconds=60)

    def __init__(self, finder: Finder, pages: PageStarts) -> None:
        self._finder = finder
        self._pages = pages

    async def find(self, question: Question, run: Run) -> Retrieved:
        """Return what fits the question as it is searched for; raises what retrieval raises."""
        async with run.working():
            with run.step("search", question.searched) as doing:
                doing.result = "The search did not work."
                retrieved = await self._finder.find(question)
                doing.result = _counted(len(retrieved.chunks))
        return retrieved

    async def answer(self, question: Question, run: Run) -> Answer:
        """Return the passages as the answer's text, each cited in whole."""
        started = run.clock.monotonic()
        retrieved = await self.find(question, run)
        passages = await numbered(self._pages, question.tenant_id, retrieved.chunks)
        sources = tuple(map(source_of, passages))
        citations = tuple(map(_cited, passages))
        text = "\n\n".join(map(_shown, passages)) or NOTHING_FOUND
        _tell(run, sources, text, citations)
        total = round((run.clock.monotonic() - started) * 1000, 1)
        return Answer(
            text=text,
            sources=sources,
            citations=citations,
            model=NO_MODEL,
            usage=Usage(),
            finish_reason="stop" if passages else "no_context",
            generation_id=retrieved.generation.generation_id,
            steps=tuple(run.taken),
            timings={**timings_of(retrieved), "first_token_ms": total, "total_ms": total},
        )


def _tell(
    run: Run, sources: tuple[Source, ...], text: str, citations: tuple[Citation, ...]
) -> None:
    run.listener.sources(sources)
    run.listener.token(text)
    for citation in citations:
        run.listener.citation(citation)


def _counted(passages: int) -> str:
    return f"{passages} passage{'' if passages == 1 else 's'} found."


def _shown(passage: Passage) -> str:
    return f"[{passage.index}] {passage.filename}, page {passage.page}:\n{passage.text}"


def _cited(passage: Passage) -> Citation:
    return Citation(
        index=passage.index,
        document_id=passage.document_id,
        filename=passage.filename,
        page=passage.page,
        char_start=passage.char_start,
        char_end=passage.char_end,
        quote=passage.text,
        similarity=passage.similarity,
    )
