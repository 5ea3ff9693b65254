"""What an agent is: a named way to answer a question."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from contracts.ids import TenantId
from retrieval import Wanted
from store.turns import Answer
from workers.responder.agents.limits import Limits
from workers.responder.agents.run import Run
from workers.responder.core import Past

#: Keeps the short form of a conversation, up to the turn with this ordinal.
KeepSummary = Callable[[str, int], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Question:
    """What an agent is asked, and what it may look at."""

    tenant_id: TenantId
    text: str
    wanted: Wanted
    #: The conversation before the question.
    past: Past
    keep_summary: KeepSummary
    #: The question as it can be understood without its past, where that is another.
    standalone: str | None = None

    @property
    def searched(self) -> str:
        """What documents are searched with."""
        return self.standalone or self.text


class Agent(Protocol):
    """Answers questions in one way."""

    @property
    def name(self) -> str:
        """The name that a request asks for it by."""
        ...

    @property
    def limits(self) -> Limits:
        """How much it may do before its answer."""
        ...

    async def answer(self, question: Question, run: Run) -> Answer:
        """Return the whole answer and tell the run's listener of it as it comes.

        Cancelling stops the model call. Raises what retrieval and the models raise.
        """
        ...
