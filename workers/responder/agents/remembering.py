"""Understanding a question by its conversation: the past made to fit, the question made whole."""

from collections.abc import Sequence
from dataclasses import replace

from contracts.errors import AnswerFailed, RaglineError
from providers.chat.protocol import ChatModel
from workers.responder.agents.completing import complete, require_model
from workers.responder.agents.protocol import Question
from workers.responder.agents.run import Run
from workers.responder.core import Past, select_history
from workers.responder.core.condensing import MAX_SUMMARY_CHARACTERS, condensing_prompt, parts_of
from workers.responder.core.history import KEPT_CHARACTERS
from workers.responder.core.rewriting import read_question, rewriting_prompt

#: Somebody waits for the answer, which goes on without these where they take longer.
REWRITE_SECONDS = 20.0
CONDENSE_SECONDS = 60.0
#: A model that thinks before it speaks has its thoughts counted as well.
REWRITE_TOKENS = 4_000
CONDENSE_TOKENS = 8_000


async def understood(question: Question, models: Sequence[ChatModel], run: Run) -> Question:
    """Return the question with a past that fits the prompt, and standalone where it was not.

    What does not work is told as a failed step that says how the answer goes on; it raises nothing
    of the models.
    """
    if question.past.is_empty:
        return question
    question = replace(question, past=await _fitting(question, models, run))
    return replace(question, standalone=await _standalone(question, models, run))


async def _standalone(question: Question, models: Sequence[ChatModel], run: Run) -> str | None:
    try:
        with run.step("rewrite", question.text) as doing:
            doing.result = question.text
            able = require_model(models, "Understanding a question by its conversation")
            said = await complete(
                able,
                rewriting_prompt(question.text, question.past),
                tokens=REWRITE_TOKENS,
                seconds=REWRITE_SECONDS,
            )
            standalone = read_question(said)
            if standalone is None:
                raise AnswerFailed("The model's reply is no question; it is searched as asked.")
            doing.result = standalone
    except RaglineError:
        return None
    return None if standalone == question.text else standalone


async def _fitting(question: Question, models: Sequence[ChatModel], run: Run) -> Past:
    """Return the past as far as it fits: condensed, or without its oldest exchanges."""
    past = question.past
    if past.fits:
        return replace(past, exchanges=tuple(select_history(past.exchanges)))
    latest = select_history(past.exchanges)
    left_out = len(past.exchanges) - len(latest) + past.unread
    given = f"{len(past.exchanges) + past.unread} exchanges"
    try:
        with run.step("condense", given) as doing:
            doing.result = f"The oldest {left_out} are left out."
            able = require_model(models, "Condensing a long conversation")
            condensed = await _condensed(question, able)
            doing.result = condensed.summary
            if past.unread:
                doing.result += f" (The oldest {past.unread} were too long and are left out.)"
    except RaglineError:
        return Past(summary=past.summary, exchanges=tuple(latest))
    return condensed


async def _condensed(question: Question, models: Sequence[ChatModel]) -> Past:
    """Return the past with all but its latest exchanges in short, and keep that for later turns."""
    past = question.past
    latest = select_history(past.exchanges, KEPT_CHARACTERS)
    older = past.exchanges[: len(past.exchanges) - len(latest)]
    notes = past.summary
    for part in parts_of(older):
        notes = await complete(
            models,
            condensing_prompt(notes, part),
            tokens=CONDENSE_TOKENS,
            seconds=CONDENSE_SECONDS,
        )
        if not 0 < len(notes) <= MAX_SUMMARY_CHARACTERS:
            raise AnswerFailed("The model did not condense the conversation.")
    await question.keep_summary(notes, older[-1].ordinal)
    return Past(summary=notes, exchanges=tuple(latest))
