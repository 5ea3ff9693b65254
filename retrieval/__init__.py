"""What is found for a question; the gateway's search and the responder find the same."""

from retrieval.models import EmbeddingModels
from retrieval.request import Filters, Wanted
from retrieval.retriever import Retrieved, Retriever

__all__ = ["EmbeddingModels", "Filters", "Retrieved", "Retriever", "Wanted"]
