"""What a data set is: documents, questions about them, and what answers each."""

import hashlib
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path


class Split(StrEnum):
    """Which questions are asked; a question is in the same half in every data set and run."""

    all = "all"
    #: What weights and thresholds may be fitted on.
    fitted = "fitted"
    #: What tells whether they hold for questions that they were not fitted on.
    held_out = "held-out"


@dataclass(frozen=True, kw_only=True)
class SourceDocument:
    """A document of a data set: a file, a text of its own, or one that was ingested before."""

    #: What references call it.
    name: str
    filename: str
    path: Path | None = None
    text: str | None = None
    #: SHA-256 of the bytes, hexadecimal; None where only the file's name is known.
    sha256: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing in it that could be found."""
        return self.text is not None and not self.text.strip()


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What answers a question: a quote of a document, a span of it, or the document as such."""

    document: str
    quote: str | None = None
    #: How many characters that are no white space come before the quote, where it is known:
    #: a quote that occurs several times is looked for there.
    after: int | None = None
    #: A span of the parsed text, in code points; where there is no quote.
    span: tuple[int, int] | None = None
    #: How much a document is worth among others; 1 where a data set has no grades.
    relevance: int = 1
    #: File and line that it was read from.
    place: str

    @property
    def is_passage(self) -> bool:
        """Whether it is a part of a document."""
        return self.quote is not None or self.span is not None


@dataclass(frozen=True, kw_only=True)
class Question:
    """A question and all that answers it."""

    question_id: str
    text: str
    references: tuple[Reference, ...]

    @property
    def half(self) -> Split:
        """The half that it belongs to, by its text alone."""
        first = hashlib.sha256(self.text.encode(errors="replace")).digest()[0]
        return Split.held_out if first % 2 else Split.fitted


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Documents and questions. References are passages throughout, or documents throughout."""

    name: str
    documents: tuple[SourceDocument, ...]
    questions: tuple[Question, ...]

    @property
    def has_passages(self) -> bool:
        """Whether it says which characters answer a question, or only which documents."""
        return any(one.is_passage for question in self.questions for one in question.references)

    @property
    def digest(self) -> str:
        """What two data sets with the same documents, questions and references share."""
        lines = [f"{one.name}\t{one.sha256}" for one in self.documents]
        lines += [repr((one.text, *map(_told, one.references))) for one in self.questions]
        return hashlib.sha256("\n".join(lines).encode(errors="replace")).hexdigest()

    @property
    def content_digest(self) -> str:
        """What two data sets with the same documents share."""
        known = sorted(one.sha256 or one.filename for one in self.documents)
        return hashlib.sha256("\n".join(known).encode(errors="replace")).hexdigest()

    def part(self, split: Split) -> "Dataset":
        """Return the data set with the questions of one half, or as it is."""
        if split is Split.all:
            return self
        chosen = tuple(question for question in self.questions if question.half is split)
        return replace(self, questions=chosen)


def _told(reference: Reference) -> tuple[object, ...]:
    return (reference.document, reference.quote, reference.span, reference.relevance)
