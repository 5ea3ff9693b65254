"""What every chat model offers."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Literal, Protocol

from contracts.conversations import Usage


@dataclass(frozen=True, kw_only=True)
class Passage:
    """A numbered piece of context, as the prompt shows it."""

    #: The number to cite it by, from 1.
    index: int
    filename: str
    page: int
    text: str


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message of the conversation so far."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """What the model is given; ``passages`` also stand, delimited, in the last user message."""

    system: str
    messages: tuple[Message, ...]
    #: The bare question and passages, for a model that needs no instructions (the local twin).
    question: str
    passages: tuple[Passage, ...]
    #: Output tokens, where fewer are wanted than the installation allows.
    budget: int | None = None


@dataclass(frozen=True, kw_only=True)
class Piece:
    """The next piece of the answer's text."""

    text: str


@dataclass(frozen=True, kw_only=True)
class Finished:
    """The end of a whole answer; a stream without one is broken and raises instead."""

    #: ``stop``: the model ended by itself. ``budget``: our own bound was reached, and is said.
    reason: Literal["stop", "budget"]
    model: str
    usage: Usage


class ChatModel(Protocol):
    """Answers a prompt as a stream; goes on by itself past the provider's length limit."""

    @property
    def name(self) -> str:
        """The model's name as answers state it."""
        ...

    @property
    def provider(self) -> str:
        """``openai``, ``anthropic`` or ``local``."""
        ...

    @property
    def is_local_twin(self) -> bool:
        """Whether this serves one machine in place of the real provider."""
        ...

    def answer(self, prompt: Prompt) -> AsyncGenerator[Piece | Finished]:
        """Yield pieces, then exactly one ``Finished``; closing the generator stops the call.

        Raises ``ProviderUnauthorized``, ``ProviderRefused``, ``ProviderBusy`` or
        ``ProviderUnavailable`` (also when the stream ends without its final event).
        """
        ...

    async def close(self) -> None:
        """Release connections."""
        ...
