"""What clients send and get when they search."""

from typing import Annotated

import msgspec
from msgspec import Meta

from contracts.ids import ChunkId, DocumentId
from retrieval import Filters
from retrieval.request import BOTH_LEGS, ChunkCount, Legs, NeighbourCount, Threshold


class FilterBy(Filters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Restricts where passages come from; every filter that is given must hold."""


class SearchFor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A search: what for, how much, and where."""

    query: Annotated[str, Meta(min_length=1, examples=["How long are backups kept?"])]
    max_results: ChunkCount = 5
    #: Least cosine similarity of context; default the installation's, or the embedding model's own.
    threshold: Threshold | None = None
    #: Chunks on either side that a passage is read with; default the installation's.
    neighbours: NeighbourCount | None = None
    #: By meaning, by words, or both: the rankings that are fused.
    legs: Legs = BOTH_LEGS
    filters: FilterBy = FilterBy()


class ReadContext(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of a passage: with its neighbours, as one text where passages touch."""

    char_start: int
    char_end: int
    #: `parsed_text[char_start:char_end]`; the blanks between two chunks may be others.
    text: str


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
    #: BM25 of the words that they share; null where words did not find it.
    lexical_score: float | None
    #: Of the fused ranking, at most 1; comparable within one answer only.
    score: float
    #: Its places in the two rankings, from 1; null where one does not have it.
    vector_rank: int | None
    lexical_rank: int | None
    #: Whether it is similar enough to answer from.
    is_context: bool
    context: ReadContext


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """The passages that fit, best first; what cannot be answered from only fills up the list."""

    results: list[Result]
    #: The least similarity of context.
    threshold: float
    embedding_model: str
    #: Milliseconds by what they were spent on.
    timings: dict[str, float]
