"""What an agent is: a named way to answer a question."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from contracts.conversations import Citation, Source
from contracts.ids import TenantId
from retrieval import Wanted
from store.turns import Answer
from workers.responder.core import Exchange


@dataclass(frozen=True, kw_only=True)
class Question:
    """What an agent is asked, and what it may look at."""

    tenant_id: TenantId
    text: str
    wanted: Wanted
    #: The earlier exchanges of the conversation, the oldest first.
    history: tuple[Exchange, ...]


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
