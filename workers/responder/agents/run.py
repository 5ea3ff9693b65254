"""An agent at work on a turn: its steps, who hears of them, and how much it may still do."""

import asyncio
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from typing import Protocol

import structlog
from opentelemetry.trace import Span
from opentelemetry.util.types import AnyValue

from contracts.conversations import Citation, Source, Step, StepError, Usage
from contracts.errors import AgentLimitReached, RaglineError
from providers.chat.metering import Meter, count, metered
from runtime.clock import Clock
from runtime.metrics import AGENT_STEPS
from runtime.telemetry import tracer
from workers.responder.agents.limits import Limits, Room

log = structlog.get_logger(__name__)


class Listener(Protocol):
    """Whoever is waiting for the answer: told each step as it happens, never waited for."""

    def step(self, step: Step) -> None:
        """An agent did something on the way to the answer."""
        ...

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
        """What was told of the answer no longer counts; it begins anew, steps included."""
        ...


class Doing:
    """A step that is being taken."""

    def __init__(self, kind: str, given: str) -> None:
        self.kind = kind
        self.given = given
        #: What came of it; where it fails, how the answer goes on.
        self.result = ""


class Run:
    """One agent at work; agents that it calls have runs of their own and count for it, too."""

    def __init__(
        self,
        agent: str,
        limits: Limits,
        listener: Listener,
        clock: Clock,
        *,
        caller: "Run | None" = None,
    ) -> None:
        self.listener = listener
        self.clock = clock
        self._agent = agent
        self._limits = limits
        self._caller = None if caller is None else caller.agent
        self._room = Room(agent, limits, None if caller is None else caller.room)
        self._taken: list[Step] = [] if caller is None else caller.taken

    @property
    def agent(self) -> str:
        """The name of the agent."""
        return self._agent

    @property
    def room(self) -> Room:
        """What the agent may still do."""
        return self._room

    @property
    def taken(self) -> list[Step]:
        """The steps of all agents of the turn, in the order of their ends."""
        return self._taken

    def calling(self, agent: str, limits: Limits) -> "Run":
        """Return the run of another agent that this one calls."""
        return Run(agent, limits, self.listener, self.clock, caller=self)

    async def restart(self) -> None:
        """Tell the listener that the answer begins anew; steps are not taken again."""
        await self.listener.restart()
        for step in self._taken:
            self.listener.step(step)

    @asynccontextmanager
    async def working(self) -> AsyncGenerator[None]:
        """Do what comes before the answer in its time; past it raises ``AgentLimitReached``."""
        seconds = self._limits.seconds
        with tracer().start_as_current_span(f"agent {self._agent}", attributes=self._attributes):
            deadline = asyncio.timeout(seconds)
            try:
                async with deadline:
                    yield
            except TimeoutError:
                if not deadline.expired():
                    raise
                raise AgentLimitReached(
                    f"The agent {self._agent!r} was not ready to answer after {seconds:g} s; ask "
                    "for less."
                ) from None

    @contextmanager
    def step(self, kind: str, given: str) -> Generator[Doing]:
        """Take a step: a span, an event of the stream and a line of the turn, also if it fails.

        Raises ``AgentLimitReached`` in place of a step that is one too many.
        """
        doing, started, meter = Doing(kind, given), self.clock.monotonic(), Meter()
        try:
            self._room.take_step()
            with self._span(kind), metered() as meter:
                yield doing
        except RaglineError as error:
            self._tell(doing, meter.usage, started, error)
            raise
        else:
            self._tell(doing, meter.usage, started, None)
        finally:
            count(meter.usage)
            self._room.spend(meter.usage)

    @property
    def _attributes(self) -> dict[str, AnyValue]:
        return {"ragline.agent": self._agent, "ragline.caller": self._caller or ""}

    def _span(self, kind: str) -> AbstractContextManager[Span]:
        return tracer().start_as_current_span(f"{self._agent} {kind}", attributes=self._attributes)

    def _tell(self, doing: Doing, usage: Usage, started: float, error: RaglineError | None) -> None:
        outcome = "done" if error is None else error.code
        AGENT_STEPS.labels(self._agent, doing.kind, outcome).inc()
        if error is not None:
            log.warning("step_failed", agent=self._agent, step=doing.kind, code=error.code)
        step = Step(
            index=len(self._taken) + 1,
            agent=self._agent,
            caller=self._caller,
            kind=doing.kind,
            input=doing.given,
            result=doing.result,
            error=None if error is None else StepError(code=error.code, message=error.message),
            usage=usage,
            ms=round((self.clock.monotonic() - started) * 1000, 1),
        )
        self._taken.append(step)
        self.listener.step(step)
