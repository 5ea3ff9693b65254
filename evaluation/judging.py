"""What is right for a question, in terms of the documents as the server has them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from evaluation.metrics import Overlap, overlap
from evaluation.ranges import Range, Spans, intersection, length
from evaluation.server import Result

#: How many results it takes to have ten different documents, nearly always.
_RESULTS_FOR_DOCUMENTS = 50
_RESULTS_FOR_PASSAGES = 10


class Judge(Protocol):
    """Tells what results are worth."""

    @property
    def depth(self) -> int:
        """How many results the gains should be taken of."""
        ...

    @property
    def ideal(self) -> Sequence[float]:
        """The gain of everything that is relevant."""
        ...

    def gains(self, results: Sequence[Result]) -> list[float]:
        """Return the gain at each rank."""
        ...

    def overlap(self, found: Spans) -> Overlap:
        """Compare the characters of the context with those that answer."""
        ...


@dataclass(frozen=True)
class PassageJudge:
    """Knows the characters that answer; every chunk that has some of them is relevant."""

    relevant: Spans
    #: Characters that answer and are in no document.
    missing: int
    #: How many chunks have some of the characters.
    relevant_chunks: int
    depth: int = _RESULTS_FOR_PASSAGES

    @property
    def ideal(self) -> Sequence[float]:
        """One for each relevant chunk."""
        return [1.0] * self.relevant_chunks

    def gains(self, results: Sequence[Result]) -> list[float]:
        """Return one for each relevant chunk, zero for others."""
        return [float(self._is_relevant(result)) for result in results]

    def overlap(self, found: Spans) -> Overlap:
        """Compare the characters."""
        return overlap(self.relevant, found, missing=self.missing)

    def _is_relevant(self, result: Result) -> bool:
        ranges = self.relevant.get(result.document_id, [])
        return touches((result.char_start, result.char_end), ranges)


@dataclass(frozen=True)
class DocumentJudge:
    """Knows the documents that answer, and their grades."""

    grades: Mapping[str, int]
    #: Relevant documents that the server does not have, with their grades.
    missing: Sequence[int] = ()
    depth: int = _RESULTS_FOR_DOCUMENTS

    @property
    def ideal(self) -> Sequence[float]:
        """The grades of all relevant documents."""
        return [float(grade) for grade in (*self.grades.values(), *self.missing)]

    def gains(self, results: Sequence[Result]) -> list[float]:
        """Return the grade of each document, at the rank of its best chunk."""
        documents = dict.fromkeys(result.document_id for result in results)
        return [float(self.grades.get(document, 0)) for document in documents]

    def overlap(self, found: Spans) -> Overlap:
        """Count relevant documents that the context has something of; precision is by character."""
        hits = [document for document in found if document in self.grades]
        everything = sum(map(length, found.values()))
        return Overlap(
            recall=len(hits) / max(1, len(self.grades) + len(self.missing)),
            precision=sum(length(found[hit]) for hit in hits) / max(1, everything),
            iou=None,
        )


def touches(one: Range, others: list[Range]) -> bool:
    """Tell whether a range has a character in common with others."""
    return bool(intersection([one], others))
