"""How much an agent may do for one question, and how much of it is left."""

from dataclasses import dataclass

from contracts.conversations import Usage
from contracts.errors import AgentLimitReached


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds of one agent's work before its answer."""

    #: Steps, its own and of the agents that it calls.
    steps: int
    #: Tokens of all these steps, input and output together.
    tokens: int
    seconds: float


class Room:
    """What an agent may still do; what it does counts for whoever called it, too."""

    def __init__(self, agent: str, limits: Limits, caller: "Room | None") -> None:
        self._agent = agent
        self._limits = limits
        self._caller = caller
        self._steps = 0
        self._tokens = 0

    def take_step(self) -> None:
        """Count a step; ``AgentLimitReached`` when there is no room for it."""
        if self._caller is not None:
            self._caller.take_step()
        if self._steps >= self._limits.steps:
            raise AgentLimitReached(
                f"The agent {self._agent!r} has taken all its steps ({self._limits.steps})."
            )
        if self._tokens >= self._limits.tokens:
            raise AgentLimitReached(
                f"The agent {self._agent!r} has used the {self._limits.tokens:,} tokens that it "
                "may; ask for less, or raise AGENT_TOKEN_BUDGET."
            )
        self._steps += 1

    def spend(self, usage: Usage) -> None:
        """Count tokens."""
        self._tokens += usage.input_tokens + usage.output_tokens
        if self._caller is not None:
            self._caller.spend(usage)
