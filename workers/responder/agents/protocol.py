"""What an agent is: a named way to answer a question."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from contracts.conversations import Citation, Source, Usage
from contracts.ids import TenantId
from retrieval import Wanted
from workers.responder.core import Exchange


@dataclass(frozen=True, kw_only=True)
class Question:
    """What an agent is asked, and what it may look at."""

    tenant_id: TenantId
    text: str
    wanted: Wanted
    #: The earlier exchanges of the conversation, the oldest first.
    history: tuple[Exchange, ...]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A whole answer, as the turn keeps it."""

    text: str
    sources: tuple[Source, ...]
    citations: tuple[Citation, ...]
    #: The model that spoke; ``none`` where none was asked.
    model: str
    usage: Usage
    #: ``stop``, ``budget`` (it ended at our own bound, and says so) or ``no_context``.
    finish_reason: str
    generation_id: int
    #: Milliseconds by what they were spent on.
    timings: dict[str, float] = field(default_factory=dict[str, float])


class Listener(Protocol):
    """Whoever is waiting: told each step as it happens, never waited for."""

    def sources(self, sources: Sequence[Source]) -> None:
        """Retrieval is done."""
        ...

    def token(self, text: str) -> None:
        """The answer goes on with ``text``."""
        ...

    def citation(self, citation: Citation) -> None:
        """The answer so far cites this."""
        ...

    async def restart(self) -> None:
        """What was told of the answer no longer counts; it begins anew, sources included."""
        ...


class Agent(Protocol):
    """Answers questions in one way."""

    @property
    def name(self) -> str:
        """The name that a request asks for it by."""
        ...

    async def answer(self, question: Question, listener: Listener) -> Answer:
        """Return the whole answer and tell the listener of it as it comes.

        Cancelling stops the model call. Raises what retrieval and the models raise.
        """
        ...
