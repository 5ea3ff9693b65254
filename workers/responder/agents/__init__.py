"""The ways to answer a question; each agent is a module with a class of its own."""

from collections.abc import Sequence

from providers.chat.protocol import ChatModel
from retrieval import Retriever
from store import Store
from workers.responder.agents.answer import AnswerAgent
from workers.responder.agents.finding import Finder
from workers.responder.agents.limits import Limits
from workers.responder.agents.pages import PageStarts
from workers.responder.agents.protocol import Agent, Question
from workers.responder.agents.research import ResearchAgent
from workers.responder.agents.run import Listener, Run
from workers.responder.agents.search import SearchAgent
from workers.responder.agents.summarize import SummarizeAgent

__all__ = [
    "Agent",
    "AnswerAgent",
    "Finder",
    "Limits",
    "Listener",
    "PageStarts",
    "Question",
    "ResearchAgent",
    "Run",
    "SearchAgent",
    "SummarizeAgent",
    "create_agents",
]


def create_agents(
    store: Store,
    retriever: Retriever,
    pages: PageStarts,
    models: Sequence[ChatModel],
    *,
    tokens: int,
) -> dict[str, Agent]:
    """Return every agent by its name; ``tokens`` bounds what one may use before its answer."""
    finder = Finder(retriever, pages)
    search = SearchAgent(finder, pages)
    agents: list[Agent] = [
        AnswerAgent(finder, models),
        search,
        SummarizeAgent(store, pages, models, tokens=tokens),
        ResearchAgent(search, pages, models, tokens=tokens),
    ]
    return {agent.name: agent for agent in agents}
