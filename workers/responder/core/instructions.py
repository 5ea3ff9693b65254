"""A prompt that asks for something else than an answer, and what it is made of."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Said:
    """One message of a prompt."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, kw_only=True)
class PromptText:
    """What the model reads: the system prompt, and messages that start and end with the user's."""

    system: str
    messages: tuple[Said, ...]


def instruction(system: str, *data: str) -> PromptText:
    """Return the prompt that has an instruction, and all that it is about as one message."""
    return PromptText(system=system, messages=(Said(role="user", text="\n\n".join(data)),))
