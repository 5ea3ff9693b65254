"""What an evaluation measured; as JSON it can be kept and compared with a later one."""

from enum import StrEnum

import msgspec

from evaluation.dataset import Split


class Leg(StrEnum):
    """What is searched with."""

    vector = "vector"
    lexical = "lexical"
    hybrid = "hybrid"


class Way(msgspec.Struct, frozen=True, order=True):
    """One way to search: with which leg, and whether with the threshold and neighbours."""

    leg: Leg
    threshold: bool
    neighbours: bool


class Scores(msgspec.Struct, frozen=True, kw_only=True):
    """How one question went."""

    question: str
    recall: float
    precision: float
    #: None where the data set names documents and no passages.
    iou: float | None
    ndcg: float
    reciprocal_rank: float
    #: Of context, at most the budget.
    characters: int
    #: What the server took to embed the question and to search.
    milliseconds: float


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """The averages over all questions of one way to search, and the questions one by one."""

    way: Way
    recall: float
    precision: float
    iou: float | None
    ndcg: float
    mrr: float
    p50_ms: float
    p95_ms: float
    #: Characters of context, on average.
    characters: float
    #: Questions that got no context at all.
    without_context: int
    questions: list[Scores]


class Unlocated(msgspec.Struct, frozen=True, kw_only=True):
    """A reference that the indexed documents do not have; it counts as not found."""

    #: File and line.
    place: str
    document: str
    #: How it begins; None where the reference is a span or a document.
    quote: str | None


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """A data set as it was asked, and what came of it."""

    dataset: str
    #: Of the documents, and of the questions that were asked.
    digest: str
    split: Split
    documents: int
    questions: int
    references: int
    unlocated: list[Unlocated]
    #: Names of documents that are not indexed.
    missing_documents: list[str]
    chunks: int
    context_characters: int
    embedding_model: str
    #: The least similarity of context, where there is a threshold.
    threshold: float
    measured: list[Measured]
