"""How passages become a prompt and an answer's numbers become citations, without any IO."""

from workers.responder.core.citations import CitationReader
from workers.responder.core.history import Exchange, Past, select_history
from workers.responder.core.instructions import PromptText
from workers.responder.core.passages import Passage
from workers.responder.core.prompt import build_prompt

__all__ = [
    "CitationReader",
    "Exchange",
    "Passage",
    "Past",
    "PromptText",
    "build_prompt",
    "select_history",
]
