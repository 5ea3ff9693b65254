"""Citations: read from the numbers in an answer, checked against the passages it was given."""

import re
from collections.abc import Iterable, Sequence

from contracts.conversations import Citation
from workers.responder.core.markers import (
    MARKER,
    MARKERS_AT_END,
    UNFINISHED,
    numbers_of,
    without_markers,
)
from workers.responder.core.passages import Passage
from workers.responder.core.quotes import best_quote

#: How far before its number a claim is looked for.
_LONGEST_CLAIM = 600
#: What is kept of the text so far: a claim, and the longest run of markers behind it.
_KEPT = 2_000
_CLAIM_BOUNDARY = re.compile(r"[.!?][\"'\u201d\u2019)\]]*\s+|[\u3002\uff01\uff1f]|\n")
_AROUND = " \t\n\"'\u201c\u201d\u2018\u2019\xab\xbb*_.!?\u3002\uff01\uff1f:;,-\u2013\u2014"


class CitationReader:
    """Reads an answer as it comes and cites each passage at its first mention.

    The citations depend on the text alone, not on how it is divided into pieces.
    """

    def __init__(self, passages: Sequence[Passage], question: str) -> None:
        self._passages = {passage.index: passage for passage in passages}
        self._question = question
        self._text = ""
        self._scanned = 0
        self._cited: dict[int, Citation] = {}
        #: How many numbers named no passage, or one whose span does not hold.
        self.dropped = 0

    @property
    def citations(self) -> tuple[Citation, ...]:
        """The checked citations so far, in the order of their first mention."""
        return tuple(self._cited.values())

    def read(self, piece: str) -> list[Citation]:
        """Take the next piece of the answer and return the citations that it completes."""
        self._text += piece
        found: list[Citation] = []
        for marker in MARKER.finditer(self._text, self._scanned):
            claim = claim_before(self._text[: marker.start()])
            found.extend(self._cite(numbers_of(marker), claim))
            self._scanned = marker.end()
        self._forget()
        return found

    def _cite(self, numbers: Iterable[int], claim: str) -> list[Citation]:
        found: list[Citation] = []
        for number in numbers:
            if number in self._cited:
                continue
            citation = self._checked(number, claim)
            if citation is None:
                self.dropped += 1
                continue
            self._cited[number] = citation
            found.append(citation)
        return found

    def _checked(self, number: int, claim: str) -> Citation | None:
        passage = self._passages.get(number)
        if passage is None or len(passage.text) != passage.char_end - passage.char_start:
            return None
        return cite(passage, claim, self._question)

    def _forget(self) -> None:
        unfinished = UNFINISHED.search(self._text, self._scanned)
        self._scanned = unfinished.start() if unfinished else len(self._text)
        surplus = max(0, len(self._text) - _KEPT)
        self._text = self._text[surplus:]
        self._scanned = max(0, self._scanned - surplus)


def cite(passage: Passage, claim: str, question: str) -> Citation | None:
    """Return the citation of what supports ``claim`` in ``passage``; None when nothing can."""
    span = best_quote(passage.text, claim, question)
    if span.start >= span.end:
        return None
    start = passage.char_start + span.start
    return Citation(
        index=passage.index,
        document_id=passage.document_id,
        filename=passage.filename,
        page=passage.page_at(start),
        char_start=start,
        char_end=passage.char_start + span.end,
        quote=passage.text[span.start : span.end],
        similarity=passage.similarity,
    )


def claim_before(text: str) -> str:
    """Return the sentence that the end of ``text`` closes, without markers and punctuation."""
    said = MARKERS_AT_END.sub("", text[-_KEPT:])[-_LONGEST_CLAIM:].rstrip(_AROUND)
    boundaries = list(_CLAIM_BOUNDARY.finditer(said))
    claim = said[boundaries[-1].end() :] if boundaries else said
    return without_markers(claim).strip(_AROUND)
