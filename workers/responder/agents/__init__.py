"""The ways to answer a question; each agent is a module with a class of its own."""

from workers.responder.agents.answer import AnswerAgent
from workers.responder.agents.finding import Finder
from workers.responder.agents.limits import Limits
from workers.responder.agents.pages import PageStarts
from workers.responder.agents.protocol import Agent, Question
from workers.responder.agents.run import Listener, Run

__all__ = ["Agent", "AnswerAgent", "Finder", "Limits", "Listener", "PageStarts", "Question", "Run"]
