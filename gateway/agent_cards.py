"""The agents that can be asked; the responder has one for each card."""

import msgspec

from contracts.errors import ModelRequired
from gateway.refusals import InvalidRequest
from providers.chat.defaults import answers_by_model
from retrieval import Wanted
from runtime.settings import Settings


class AgentCard(msgspec.Struct, frozen=True, kw_only=True):
    """A named way to answer."""

    name: str
    #: What it is for, in a sentence.
    purpose: str
    #: What it is given.
    input: str
    #: Whether it works with a model of OpenAI, Anthropic or a compatible server only.
    needs_model: bool = False
    #: Whether it has to be told by `document_ids` what to read.
    needs_documents: bool = False


ANSWER = AgentCard(
    name="answer",
    purpose="Answers a question from the passages of your documents that fit it, and cites them.",
    input="A question. In a conversation, one that goes on with it.",
)
SEARCH = AgentCard(
    name="search",
    purpose="Finds the passages of your documents that fit a question, the best first; no model.",
    input="A question, or words to look for.",
)
SUMMARIZE = AgentCard(
    name="summarize",
    purpose="Reads whole documents, every chunk of them, and summarizes them with citations.",
    input="What the summary is wanted for, and `document_ids`.",
    needs_model=True,
    needs_documents=True,
)
RESEARCH = AgentCard(
    name="research",
    purpose="Divides a question, searches several times, weighs what it finds, answers and cites.",
    input="A question that one search does not answer.",
    needs_model=True,
)
#: The agent of `/chat` where none is named.
DEFAULT_AGENT = ANSWER.name
AGENTS: dict[str, AgentCard] = {card.name: card for card in (ANSWER, SEARCH, SUMMARIZE, RESEARCH)}


def require_agent(name: str, wanted: Wanted, settings: Settings) -> None:
    """Raise why this agent cannot be asked this: ``InvalidRequest`` or ``ModelRequired``."""
    card = AGENTS.get(name)
    if card is None:
        raise InvalidRequest(
            f"There is no agent {name!r}; there are: {', '.join(AGENTS)}.", field="agent"
        )
    if card.needs_model and not answers_by_model(settings):
        raise ModelRequired(
            f"The agent {name!r} needs a chat model, and none is configured: set OPENAI_API_KEY, "
            "OPENAI_BASE_URL or ANTHROPIC_API_KEY. The agents `answer` and `search` do without."
        )
    if card.needs_documents and not wanted.filters.document_ids:
        raise InvalidRequest(
            f"The agent {name!r} reads whole documents: say which in document_ids.",
            field="document_ids",
        )
