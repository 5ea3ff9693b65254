"""The ways to answer a question; each agent is a module with a class of its own."""

from workers.responder.agents.answer import AnswerAgent
from workers.responder.agents.pages import PageStarts
from workers.responder.agents.protocol import Agent, Listener, Question

__all__ = ["Agent", "AnswerAgent", "Listener", "PageStarts", "Question"]
