"""The agents that can be asked; the responder has one for each card."""

import msgspec

from gateway.conversations.asking import DEFAULT_AGENT


class AgentCard(msgspec.Struct, frozen=True, kw_only=True):
    """A named way to answer."""

    name: str
    #: What it is for, in a sentence.
    purpose: str
    #: What it is given.
    input: str


ANSWER = AgentCard(
    name=DEFAULT_AGENT,
    purpose="Answers a question from the passages of your documents that fit it, and cites them.",
    input="A question.",
)
AGENTS: dict[str, AgentCard] = {card.name: card for card in (ANSWER,)}
