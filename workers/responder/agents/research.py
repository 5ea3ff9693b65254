"""The agent that looks several times: divides the question, searches, weighs, then answers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from contracts.errors import AnswerFailed, RaglineError, StoreUnavailable
from providers.chat.protocol import ChatModel
from retrieval import Retrieved
from store.turns import Answer
from workers.responder.agents.answering import Speech
from workers.responder.agents.completing import complete, require_model
from workers.responder.agents.gathering import Gathered
from workers.responder.agents.limits import Limits
from workers.responder.agents.numbering import numbered
from workers.responder.agents.pages import PageStarts
from workers.responder.agents.protocol import Question
from workers.responder.agents.remembering import understood
from workers.responder.agents.run import Run
from workers.responder.agents.search import SearchAgent
from workers.responder.agents.together import together
from workers.responder.core import Passage, build_prompt
from workers.responder.core.researching import (
    Weighed,
    read_questions,
    read_weighing,
    splitting_prompt,
    weighing_prompt,
)

#: The past made short, the question made whole and divided; seven searches; one weighing.
_MOST_STEPS = 12
_SECONDS = 300.0
#: Passages that are weighed, and of which the answer is made.
_MOST_WEIGHED = 20
_MOST_ANSWERED_FROM = 12
_SEARCHES_AT_ONCE = 4
#: A model that thinks before it speaks has its thoughts counted as well.
_PLAN_TOKENS = 4_000
_PLAN_SECONDS = 60.0


class ResearchAgent:
    """Asks the search agent several times, and lets a model answer from the best of it."""

    name = "research"

    def __init__(
        self, search: SearchAgent, pages: PageStarts, models: Sequence[ChatModel], *, tokens: int
    ) -> None:
        self.limits = Limits(steps=_MOST_STEPS, tokens=tokens, seconds=_SECONDS)
        self._search = search
        self._pages = pages
        self._models = models

    async def answer(self, question: Question, run: Run) -> Answer:
        """Return the whole answer; ``ModelRequired`` without a model that follows instructions."""
        able = require_model(self._models, "The agent `research`")
        started = run.clock.monotonic()
        async with run.working():
            question = await understood(question, able, run)
            work = _Work(self._search, self._pages, able, question, run)
            gathered = await work.gather()
            passages = await work.passages(gathered, _MOST_ANSWERED_FROM)
        speech = Speech(question, passages, run, started=started)
        if passages:
            prompt = build_prompt(question.text, passages, question.past)
            finished = await speech.tell(able, prompt)
        else:
            finished = speech.tell_nothing_found()
        return speech.close(
            finished,
            generation_id=gathered.generation_id,
            timings=gathered.timings,
        )


@dataclass(frozen=True)
class _Work:
    """The way from one question to the passages that answer it."""

    search: SearchAgent
    pages: PageStarts
    models: Sequence[ChatModel]
    question: Question
    run: Run

    async def gather(self) -> Gathered:
        """Return what was found, the best first."""
        gathered = Gathered(await self._searched(await self._split()))
        passages = await self.passages(gathered, _MOST_WEIGHED)
        weighed = await self._weighed(passages) if passages else None
        if weighed is None or weighed.kept is None:
            return gathered
        gathered.keep(weighed.kept)
        if weighed.questions:
            gathered.add(await self._searched_further(weighed.questions))
        return gathered

    async def passages(self, gathered: Gathered, most: int) -> tuple[Passage, ...]:
        """Return the best as passages, numbered anew."""
        return await numbered(self.pages, self.question.tenant_id, gathered.best(most))

    async def _split(self) -> tuple[str, ...]:
        asked = self.question.searched
        try:
            with self.run.step("split", asked) as doing:
                doing.result = "It is searched for as it is."
                said = await complete(
                    self.models, splitting_prompt(asked), tokens=_PLAN_TOKENS, seconds=_PLAN_SECONDS
                )
                questions = read_questions(said)
                if not questions:
                    raise AnswerFailed("The model's reply has no questions.")
                doing.result = "\n".join(questions)
        except RaglineError:
            return (asked,)
        return questions

    async def _searched(self, questions: Sequence[str]) -> list[Retrieved]:
        """Return what each search found; raises the first error where none worked."""
        results = await together(
            [partial(self._one_search, question) for question in questions],
            most=_SEARCHES_AT_ONCE,
        )
        found = [result for result in results if isinstance(result, Retrieved)]
        failed = [result for result in results if isinstance(result, RaglineError)]
        if not found:
            raise failed[0]
        return found

    async def _one_search(self, text: str) -> Retrieved | RaglineError:
        called = self.run.calling(self.search.name, self.search.limits)
        try:
            return await self.search.find(replace(self.question, standalone=text), called)
        except StoreUnavailable:
            raise
        except RaglineError as error:
            return error

    async def _weighed(self, passages: Sequence[Passage]) -> Weighed | None:
        """Return what the model makes of the passages, None where it does not say."""
        try:
            with self.run.step("weigh", f"{len(passages)} passages") as doing:
                doing.result = "All are used, the best first."
                said = await complete(
                    self.models,
                    weighing_prompt(self.question.searched, passages),
                    tokens=_PLAN_TOKENS,
                    seconds=_PLAN_SECONDS,
                )
                weighed = read_weighing(said, passages)
                if weighed.kept is None:
                    raise AnswerFailed("The model's reply says nothing of the passages.")
                doing.result = _weighing(weighed.kept, weighed.questions)
        except RaglineError:
            return None
        return weighed

    async def _searched_further(self, questions: Sequence[str]) -> list[Retrieved]:
        try:
            return await self._searched(questions)
        except StoreUnavailable:
            raise
        except RaglineError:
            return []  # its steps say why


def _weighing(kept: Sequence[int], questions: Sequence[str]) -> str:
    chosen = f"Kept {', '.join(map(str, kept)) or 'none'}."
    return "\n".join((chosen, *questions))
