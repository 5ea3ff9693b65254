"""What is found for a question; the gateway's search and the responder find the same."""

from retrieval.models import EmbeddingModels
from retrieval.request import Filters, Wanted
from retrieval.results import Result, Retrieved
from retrieval.retriever import Defaults, Retriever
from retrieval.widening import Context, Piece

__all__ = [
    "Context",
    "Defaults",
    "EmbeddingModels",
    "Filters",
    "Piece",
    "Result",
    "Retrieved",
    "Retriever",
    "Wanted",
]
