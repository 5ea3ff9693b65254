"""From passages to a whole answer: asks the models, and checks each citation before it is told."""

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace

from contracts.conversations import Source, Usage
from contracts.errors import AnswerFailed
from providers.chat.protocol import ChatModel, Finished, Piece, Prompt
from providers.chat.protocol import Passage as NumberedText
from runtime.metrics import CITATIONS_DROPPED, FIRST_TOKEN_SECONDS
from runtime.telemetry import tracer
from store.turns import Answer
from workers.responder.agents.completing import prompt_of
from workers.responder.agents.protocol import Question
from workers.responder.agents.run import Run
from workers.responder.agents.speaking import Restarted, speak
from workers.responder.core import CitationReader, Passage, PromptText

#: Said without asking a model: there is nothing it could answer from.
NOTHING_FOUND = "Nothing in your documents answers this."
NO_MODEL = "none"
#: The answer itself says that it is not all that could be said.
OVER_BUDGET = "\n\n(This answer ends here: it reached the token budget of this installation.)"


class Speech:
    """One answer as it grows: its text, its citations, and whoever is listening."""

    def __init__(
        self, question: Question, passages: Sequence[Passage], run: Run, *, started: float
    ) -> None:
        self.sources = tuple(map(source_of, passages))
        self._passages = tuple(passages)
        self._question = question
        self._run = run
        self._started = started
        self._first_token: float | None = None
        self._found_nothing = False
        self._begin()
        run.listener.sources(self.sources)

    async def tell(self, models: Sequence[ChatModel], text: PromptText) -> Finished:
        """Let the models answer this prompt; raises what they raise."""
        prompt = _prompt(text, self._question, self._passages)
        with tracer().start_as_current_span("generate"):
            async with aclosing(speak(models, prompt)) as heard:
                async for item in heard:
                    match item:
                        case Piece(text=piece):
                            self.say(piece)
                        case Restarted():
                            await self._restart()
                        case Finished():
                            return item
        raise AnswerFailed

    def tell_nothing_found(self) -> Finished:
        """Say that there is nothing to answer from."""
        self._found_nothing = True
        self.say(NOTHING_FOUND)
        return Finished(reason="stop", model=NO_MODEL, usage=Usage())

    def say(self, text: str) -> None:
        """Go on with the answer."""
        if self._first_token is None:
            self._first_token = self._run.clock.monotonic() - self._started
            FIRST_TOKEN_SECONDS.observe(self._first_token)
        self._pieces.append(text)
        self._run.listener.token(text)
        for citation in self._citations.read(text):
            self._run.listener.citation(citation)

    def close(
        self, finished: Finished, *, generation_id: int | None, timings: Mapping[str, float]
    ) -> Answer:
        """Return the whole answer; ``timings`` are what it took to find its passages."""
        if finished.reason == "budget":
            self.say(OVER_BUDGET)
        CITATIONS_DROPPED.inc(self._citations.dropped)
        return Answer(
            text="".join(self._pieces),
            sources=self.sources,
            citations=self._citations.citations,
            model=finished.model,
            usage=finished.usage,
            finish_reason="no_context" if self._found_nothing else finished.reason,
            generation_id=generation_id,
            steps=tuple(self._run.taken),
            standalone_question=self._question.standalone,
            timings={
                **timings,
                "first_token_ms": round((self._first_token or 0) * 1000, 1),
                "total_ms": round((self._run.clock.monotonic() - self._started) * 1000, 1),
            },
        )

    def _begin(self) -> None:
        self._pieces: list[str] = []
        self._citations = CitationReader(self._passages, self._question.searched)

    async def _restart(self) -> None:
        self._begin()
        await self._run.restart()
        self._run.listener.sources(self.sources)


def source_of(passage: Passage) -> Source:
    """Return the passage as an answer's source."""
    return Source(
        index=passage.index,
        document_id=passage.document_id,
        filename=passage.filename,
        page=passage.page,
        char_start=passage.char_start,
        char_end=passage.char_end,
        similarity=passage.similarity,
    )


def _prompt(text: PromptText, question: Question, passages: Sequence[Passage]) -> Prompt:
    return replace(
        prompt_of(text),
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
