"""How a whole answer is made of as many calls as the provider's length limit makes necessary."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal

from contracts.conversations import Usage
from contracts.errors import ProviderRefused
from providers.chat.continuation import Seam, continued
from providers.chat.metering import count
from providers.chat.protocol import Finished, Message, Piece, Prompt

#: Characters a token in English; only used until the provider has counted.
_CHARS_PER_TOKEN = 4


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """The end of one call, as its final event states it."""

    reason: Literal["stop", "length"]
    input_tokens: int
    #: None where the provider does not count.
    output_tokens: int | None


#: Asks once, with the messages and the tokens that may still be used; yields texts, then Stopped.
Call = Callable[[tuple[Message, ...], int], AsyncGenerator[str | Stopped]]


async def whole_answer(
    call: Call, prompt: Prompt, *, model: str, budget: int
) -> AsyncGenerator[Piece | Finished]:
    """Yield pieces until the model stops by itself or ``budget`` output tokens are used up.

    A prompt may have a smaller budget of its own.

    Raises what ``call`` raises, and ``ProviderRefused`` when a call is cut before it says anything.
    """
    answer = _Answer(min(budget, prompt.budget or budget))
    while not answer.is_finished:
        messages = continued(prompt.messages, answer.said)
        part = _Part(answer, sent=len(prompt.system) + sum(len(said.text) for said in messages))
        try:
            async with aclosing(call(messages, answer.left)) as stream:
                async for item in stream:
                    text = part.take(item)
                    if text:
                        yield Piece(text=text)
                    if part.is_over_budget:
                        break
        finally:  # a call that breaks off, or is not wanted any more, has its price, too
            count(part.usage)
        text = part.close()
        if text:
            yield Piece(text=text)
    yield Finished(reason=answer.reason, model=model, usage=answer.usage)


class _Answer:
    """What was said so far, and what it cost."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._pieces: list[str] = []
        #: The blanks before the word that the last call was cut in.
        self.gap = ""
        self.usage = Usage()
        self.is_finished = False
        self.reason: Literal["stop", "budget"] = "stop"

    @property
    def left(self) -> int:
        """Output tokens that may still be used."""
        return self._budget - self.usage.output_tokens

    @property
    def said(self) -> str:
        """The text so far."""
        return "".join(self._pieces)

    def say(self, text: str) -> None:
        self._pieces.append(text)

    def count(self, usage: Usage) -> None:
        self.usage = Usage(
            input_tokens=self.usage.input_tokens + usage.input_tokens,
            output_tokens=self.usage.output_tokens + usage.output_tokens,
            calls=self.usage.calls + usage.calls,
        )


class _Part:
    """One call's share of an answer."""

    def __init__(self, answer: _Answer, *, sent: int) -> None:
        self._answer = answer
        #: Characters of the prompt.
        self._sent = sent
        self._seam = Seam(answer.said, answer.gap)
        self._stopped: Stopped | None = None
        self._characters = 0
        self._has_spoken = False

    @property
    def is_over_budget(self) -> bool:
        """Whether the call has used what was left, by an estimate, and must be stopped."""
        return self._stopped is None and self._estimate >= self._answer.left

    @property
    def usage(self) -> Usage:
        """What the call cost: as the provider counts, by an estimate where it did not say."""
        stopped = self._stopped
        if stopped is None:
            sent = self._sent // _CHARS_PER_TOKEN if self._characters else 0
            return Usage(input_tokens=sent, output_tokens=self._estimate, calls=1)
        counted = stopped.output_tokens
        return Usage(
            input_tokens=stopped.input_tokens,
            output_tokens=self._estimate if counted is None else counted,
            calls=1,
        )

    @property
    def _estimate(self) -> int:
        return self._characters // _CHARS_PER_TOKEN

    def take(self, item: str | Stopped) -> str:
        """Return the text that may be shown now."""
        if isinstance(item, Stopped):
            self._stopped = item
            return ""
        self._characters += len(item)
        return self._say(self._seam.feed(item))

    def close(self) -> str:
        """Return the text that was held back, and decide whether the answer goes on."""
        answer, stopped = self._answer, self._stopped
        answer.count(self.usage)
        if stopped and stopped.reason == "stop":
            answer.is_finished = True
            return self._say(self._seam.end())
        if answer.left <= 0:
            answer.is_finished, answer.reason = True, "budget"
            return self._say(self._seam.end())
        text, answer.gap = self._seam.cut()
        self._say(text)
        if not self._has_spoken:
            # One word is all that was said, so it stays; the continuation goes on behind it.
            text, answer.gap = self._say(self._seam.end()), ""
        if not self._has_spoken:
            raise ProviderRefused(
                "The model reached its length limit before it said anything; ask for less, or "
                "choose another CHAT_MODEL."
            )
        return text

    def _say(self, text: str) -> str:
        self._answer.say(text)
        self._has_spoken = self._has_spoken or bool(text)
        return text
