"""Answers on this machine: quotes of the passages, the twin of a remote model."""

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence

from contracts.conversations import Usage
from providers.chat.defaults import LOCAL_DEFAULT
from providers.chat.extraction import Quote, best_quotes
from providers.chat.protocol import Finished, Piece, Prompt

_NOTHING = "Nothing in your documents answers this."
_INTRODUCTION = "From your documents, word for word:"
_WORDS = re.compile(r"\s*(?:\S+\s*){1,6}")


class ExtractiveAnswers:
    """Quotes the sentences that answer best, letter for letter, and says that it quotes.

    The same prompt gives the same answer.
    """

    name = LOCAL_DEFAULT
    provider = "local"
    is_local_twin = True

    async def answer(self, prompt: Prompt) -> AsyncGenerator[Piece | Finished]:
        """Yield the quotes in several pieces, then ``Finished``; raises nothing."""
        text = _say(best_quotes(prompt.question, prompt.passages))
        for words in _WORDS.findall(text):
            yield Piece(text=words)
            await asyncio.sleep(0)
        yield Finished(reason="stop", model=self.name, usage=Usage())

    async def close(self) -> None:
        """Nothing is open."""


def _say(quotes: Sequence[Quote]) -> str:
    if not quotes:
        return _NOTHING
    return "\n\n".join((_INTRODUCTION, *(f"“{quote.text}” [{quote.index}]" for quote in quotes)))
