"""The agent of `/chat`: answers from the passages that fit the question, and cites them."""

from collections.abc import Sequence

from providers.chat.protocol import ChatModel
from store.turns import Answer
from workers.responder.agents.answering import NOTHING_FOUND, Speech
from workers.responder.agents.finding import Finder, timings_of
from workers.responder.agents.limits import Limits
from workers.responder.agents.protocol import Question
from workers.responder.agents.remembering import understood
from workers.responder.agents.run import Run
from workers.responder.core import build_prompt

__all__ = ["NOTHING_FOUND", "AnswerAgent"]


class AnswerAgent:
    """Understands the question by its conversation, retrieves, and lets a model answer."""

    name = "answer"
    #: The past made short, the question made whole.
    limits = Limits(steps=2, tokens=1_000_000, seconds=300)

    def __init__(self, finder: Finder, models: Sequence[ChatModel]) -> None:
        self._finder = finder
        self._models = models

    async def answer(self, question: Question, run: Run) -> Answer:
        """Return the whole answer; without a fitting passage it says so and no model is asked."""
        started = run.clock.monotonic()
        async with run.working():
            question = await understood(question, self._models, run)
            retrieved = await self._finder.find(question)
            passages = await self._finder.passages(question.tenant_id, retrieved.contexts)
        speech = Speech(question, passages, run, started=started)
        if passages:
            prompt = build_prompt(question.text, passages, question.past)
            finished = await speech.tell(self._models, prompt)
        else:
            finished = speech.tell_nothing_found()
        return speech.close(
            finished,
            generation_id=retrieved.generation.generation_id,
            timings=timings_of(retrieved),
        )
