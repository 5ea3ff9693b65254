"""Getting one whole answer out of the configured models: tries again, then asks the next."""

import asyncio
import random
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import cast

import structlog

from contracts.errors import ProviderUnavailable, RaglineError, Retryable
from providers.chat.protocol import ChatModel, Finished, Piece, Prompt

log = structlog.get_logger(__name__)

#: Somebody is waiting: a model gets this many tries, with short pauses between.
TRIES_PER_MODEL = 3
FIRST_PAUSE = 0.5
#: A provider that asks for a longer pause is not waited for.
LONGEST_PAUSE = 8.0


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
        for attempt in range(1, TRIES_PER_MODEL + 1):
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
                pause = _pause_after(error, attempt)
                log.warning("model_failed", model=model.name, code=error.code, attempt=attempt)
            else:
                return
            if pause is None:
                break
            await asyncio.sleep(pause)
    raise failures[0]


async def _whole(model: ChatModel, prompt: Prompt) -> AsyncGenerator[Piece | Finished]:
    """Yield the model's answer; closing this closes the call, an answer without end raises."""
    answer = cast("AsyncGenerator[Piece | Finished]", model.answer(prompt))
    async with aclosing(answer):
        async for heard in answer:
            yield heard
            if isinstance(heard, Finished):
                return
    raise ProviderUnavailable(f"{model.name} broke off its answer; ask again.")


def _pause_after(error: RaglineError, attempt: int) -> float | None:
    """Return the seconds to wait before this model is tried again, None when it is not."""
    if not isinstance(error, Retryable) or attempt == TRIES_PER_MODEL:
        return None
    if error.retry_after is not None:
        return error.retry_after if error.retry_after <= LONGEST_PAUSE else None
    return FIRST_PAUSE * 2.0 ** (attempt - 1) * random.uniform(0.75, 1.25)  # noqa: S311 - jitter
