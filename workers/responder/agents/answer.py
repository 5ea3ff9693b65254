"""The agent of `/chat`: answers from the passages that fit the question, and cites them."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing

from contracts.conversations import Source, Usage
from contracts.errors import AnswerFailed, ProviderBusy, ProviderUnavailable
from providers.chat.protocol import ChatModel, Finished, Message, Piece, Prompt
from providers.chat.protocol import Passage as NumberedText
from retrieval import Retrieved, Retriever
from runtime.clock import Clock
from runtime.metrics import CITATIONS_DROPPED, FIRST_TOKEN_SECONDS
from runtime.telemetry import tracer
from store.turns import Answer
from workers.responder.agents.pages import PageStarts
from workers.responder.agents.patience import pause_after
from workers.responder.agents.protocol import Listener, Question
from workers.responder.agents.speaking import Restarted, speak
from workers.responder.core import CitationReader, Passage, build_prompt

#: Said without asking a model: there is nothing it could answer from.
NOTHING_FOUND = "Nothing in your documents answers this."
NO_MODEL = "none"
#: The answer itself says that it is not all that could be said.
OVER_BUDGET = "\n\n(This answer ends here: it reached the token budget of this installation.)"


class AnswerAgent:
    """Retrieves, asks a model, and checks each citation before it is told."""

    name = "answer"

    def __init__(
        self,
        retriever: Retriever,
        models: Sequence[ChatModel],
        pages: PageStarts,
        clock: Clock,
    ) -> None:
        self._retriever = retriever
        self._models = models
        self._pages = pages
        self._clock = clock

    async def answer(self, question: Question, listener: Listener) -> Answer:
        """Return the whole answer; without a fitting passage it says so and no model is asked."""
        started = self._clock.monotonic()
        retrieved = await self._retrieve(question)
        passages = await self._passages(question, retrieved)
        speech = _Speech(question, passages, listener, self._clock, started)
        listener.sources(speech.sources)
        if passages:
            with tracer().start_as_current_span("generate"):
                finished = await self._generate(question, speech)
        else:
            speech.say(NOTHING_FOUND)
            finished = Finished(reason="stop", model=NO_MODEL, usage=Usage())
        return speech.close(finished, retrieved)

    async def _retrieve(self, question: Question) -> Retrieved:
        """Retrieve; the question's embedding may take some tries."""
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._retriever.retrieve(
                    question.tenant_id, question.text, question.wanted
                )
            except (ProviderBusy, ProviderUnavailable) as error:
                pause = pause_after(error, attempt)
                if pause is None:
                    raise
            await asyncio.sleep(pause)

    async def _passages(self, question: Question, retrieved: Retrieved) -> tuple[Passage, ...]:
        return tuple(
            [
                Passage(
                    index=index,
                    document_id=str(found.document_id),
                    filename=found.filename,
                    page=found.page_first,
                    page_starts=await self._pages.inside(question.tenant_id, found),
                    char_start=found.char_start,
                    char_end=found.char_end,
                    text=found.text,
                    similarity=found.similarity,
                )
                for index, found in enumerate(retrieved.chunks, start=1)
            ]
        )

    async def _generate(self, question: Question, speech: "_Speech") -> Finished:
        prompt = _prompt(question, speech.passages)
        async with aclosing(speak(self._models, prompt)) as heard:
            async for item in heard:
                match item:
                    case Piece(text=text):
                        speech.say(text)
                    case Restarted():
                        await speech.restart()
                    case Finished():
                        return item
        raise AnswerFailed


class _Speech:
    """One answer as it grows: its text, its citations, and whoever is listening."""

    def __init__(
        self,
        question: Question,
        passages: tuple[Passage, ...],
        listener: Listener,
        clock: Clock,
        started: float,
    ) -> None:
        self.passages = passages
        self.sources = tuple(map(_source, passages))
        self._question = question
        self._listener = listener
        self._clock = clock
        self._started = started
        self._first_token: float | None = None
        self._begin()

    def _begin(self) -> None:
        self._pieces: list[str] = []
        self._citations = CitationReader(self.passages, self._question.text)

    def say(self, text: str) -> None:
        if self._first_token is None:
            self._first_token = self._clock.monotonic() - self._started
            FIRST_TOKEN_SECONDS.observe(self._first_token)
        self._pieces.append(text)
        self._listener.token(text)
        for citation in self._citations.read(text):
            self._listener.citation(citation)

    async def restart(self) -> None:
        self._begin()
        await self._listener.restart()
        self._listener.sources(self.sources)

    def close(self, finished: Finished, retrieved: Retrieved) -> Answer:
        if finished.reason == "budget":
            self.say(OVER_BUDGET)
        CITATIONS_DROPPED.inc(self._citations.dropped)
        return Answer(
            text="".join(self._pieces),
            sources=self.sources,
            citations=self._citations.citations,
            model=finished.model,
            usage=finished.usage,
            finish_reason=finished.reason if self.passages else "no_context",
            generation_id=retrieved.generation.generation_id,
            timings={
                "embed_ms": round(retrieved.embed_ms, 1),
                "retrieve_ms": round(retrieved.search_ms, 1),
                "first_token_ms": round((self._first_token or 0) * 1000, 1),
                "total_ms": round((self._clock.monotonic() - self._started) * 1000, 1),
            },
        )


def _source(passage: Passage) -> Source:
    return Source(
        index=passage.index,
        document_id=passage.document_id,
        filename=passage.filename,
        page=passage.page,
        char_start=passage.char_start,
        char_end=passage.char_end,
        similarity=passage.similarity,
    )


def _prompt(question: Question, passages: Sequence[Passage]) -> Prompt:
    text = build_prompt(question.text, passages, question.history)
    return Prompt(
        system=text.system,
        messages=tuple(Message(role=said.role, text=said.text) for said in text.messages),
        question=question.text,
        passages=tuple(
            NumberedText(
                index=passage.index,
                filename=passage.filename,
                page=passage.page,
                text=passage.text,
            )
            for passage in passages
        ),
    )
