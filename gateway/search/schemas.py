"""What clients send and get when they search."""

from typing import Annotated

import msgspec
from msgspec import Meta

from contracts.ids import ChunkId, DocumentId
from retrieval import Filters
from retrieval.request import ChunkCount, Threshold


class FilterBy(Filters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Restricts where passages come from; every filter that is given must hold."""


class SearchFor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A search: what for, how much, and where."""

    query: Annotated[str, Meta(min_length=1, examples=["How long are backups kept?"])]
    max_results: ChunkCount = 5
    #: Least cosine similarity; default the installation's, or the embedding model's own.
    threshold: Threshold | None = None
    filters: FilterBy = FilterBy()


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """A passage: `parsed_text[char_start:char_end]` is its text."""

    #: From 1, the best.
    rank: int
    chunk_id: ChunkId
    document_id: DocumentId
    filename: str
    #: The pages on which it starts and ends, counted from 1.
    page: int
    page_last: int
    char_start: int
    char_end: int
    text: str
    #: Cosine similarity of query and passage.
    similarity: float


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """The passages that fit, best first; none when none reaches the threshold."""

    results: list[Result]
    #: The least similarity that was asked for.
    threshold: float
    embedding_model: str
    #: Milliseconds by what they were spent on.
    timings: dict[str, float]
