"""The story of one question: claim its turn, answer it, store the answer, say so."""

from workers.responder.handler.question import give_up, handle

__all__ = ["give_up", "handle"]
