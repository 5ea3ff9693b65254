"""Asking a model for a text that is not the answer: a question, a list, notes."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing

from contracts.errors import AnswerFailed, ModelRequired, ProviderUnavailable
from providers.chat.protocol import ChatModel, Finished, Message, Piece, Prompt
from workers.responder.agents.speaking import Restarted, speak
from workers.responder.core import PromptText


def instructed(models: Sequence[ChatModel]) -> list[ChatModel]:
    """Return the models that follow instructions; the local twin only quotes."""
    return [model for model in models if not model.is_local_twin]


def require_model(models: Sequence[ChatModel], what: str) -> list[ChatModel]:
    """Return the models that follow instructions; ``ModelRequired`` where there is none."""
    able = instructed(models)
    if not able:
        raise ModelRequired(
            f"{what} needs a chat model, and none is configured: set OPENAI_API_KEY, "
            "OPENAI_BASE_URL or ANTHROPIC_API_KEY."
        )
    return able


async def complete(
    models: Sequence[ChatModel], text: PromptText, *, tokens: int, seconds: float
) -> str:
    """Return what the first model that answers says, of at most so many tokens.

    Raises ``AnswerFailed`` where it says more, ``ProviderUnavailable`` past the time, and what the
    models raise.
    """
    prompt = prompt_of(text, budget=tokens)
    try:
        async with asyncio.timeout(seconds):
            return await _said(models, prompt)
    except TimeoutError:
        raise ProviderUnavailable(f"The model did not answer within {seconds:g} s.") from None


def prompt_of(text: PromptText, *, budget: int | None = None) -> Prompt:
    """Return the prompt of an instruction; it has no passages to quote from."""
    return Prompt(
        system=text.system,
        messages=tuple(Message(role=said.role, text=said.text) for said in text.messages),
        question="",
        passages=(),
        budget=budget,
    )


async def _said(models: Sequence[ChatModel], prompt: Prompt) -> str:
    pieces: list[str] = []
    async with aclosing(speak(models, prompt)) as heard:
        async for item in heard:
            match item:
                case Piece(text=text):
                    pieces.append(text)
                case Restarted():
                    pieces.clear()
                case Finished(reason="stop"):
                    return "".join(pieces).strip()
                case Finished():
                    raise AnswerFailed("The model said more than it was asked for.")
    raise AnswerFailed
