"""Getting one whole answer out of the configured models: tries again, then asks the next."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

import structlog

from contracts.conversations import Usage
from contracts.errors import ProviderUnavailable, RaglineError
from providers.chat.protocol import ChatModel, Finished, Piece, Prompt
from runtime import metrics
from workers.responder.agents.patience import TRIES, pause_after

log = structlog.get_logger(__name__)

#: What metrics call it.
_OPERATION = "answer"


@dataclass(frozen=True)
class Restarted:
    """A model broke off: what was said so far no longer counts."""


async def speak(
    models: Sequence[ChatModel], prompt: Prompt
) -> AsyncGenerator[Piece | Restarted | Finished]:
    """Yield one whole answer, of the first model that gives one, and ``Finished`` at its end.

    A model that is busy or breaks off is tried again, then the next one is asked. When all of
    them failed, raises the error of the first: it is the one that is meant to work.
    """
    failures: list[RaglineError] = []
    said = False
    for model in models:
        for attempt in range(1, TRIES + 1):
            if said:
                said = False
                yield Restarted()
            try:
                async with aclosing(_whole(model, prompt)) as answer:
                    async for heard in answer:
                        said = True
                        yield heard
            except RaglineError as error:
                failures.append(error)
                metrics.PROVIDER_ERRORS.labels(model.provider, _OPERATION, error.code).inc()
                pause = pause_after(error, attempt)
                log.warning("model_failed", model=model.name, code=error.code, attempt=attempt)
            else:
                return
            if pause is None:
                break
            await asyncio.sleep(pause)
    raise failures[0]


async def _whole(model: ChatModel, prompt: Prompt) -> AsyncGenerator[Piece | Finished]:
    """Yield the model's answer; closing this closes the call, an answer without end raises."""
    with metrics.PROVIDER_SECONDS.labels(model.provider, _OPERATION).time():
        async with aclosing(model.answer(prompt)) as answer:
            async for heard in answer:
                if isinstance(heard, Finished):
                    _count(model, heard.usage)
                    yield heard
                    return
                yield heard
    raise ProviderUnavailable(f"{model.name} broke off its answer; ask again.")


def _count(model: ChatModel, usage: Usage) -> None:
    metrics.TOKENS.labels(model.provider, "input").inc(usage.input_tokens)
    metrics.TOKENS.labels(model.provider, "output").inc(usage.output_tokens)
