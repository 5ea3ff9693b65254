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
from workers.responder.core.quotations import occurs, quotations_behind
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
        #: How many numbers named no passage, one whose span does not hold, or one that does not
        #: say what the answer quotes from it.
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
            before = self._text[: marker.start()]
            found.extend(
                self._cite(numbers_of(marker), claim_before(before), self._quoted_in(before))
            )
            self._scanned = marker.end()
        self._forget()
        return found

    def _quoted_in(self, before: str) -> list[str]:
        """Return what the claim quotes; the words of the question are not taken from a source."""
        return [one for one in quoted_before(before) if not occurs(one, self._question)]

    def _cite(self, numbers: Iterable[int], claim: str, quoted: list[str]) -> list[Citation]:
        found: list[Citation] = []
        for number in numbers:
            if number in self._cited:
                continue
            citation = self._checked(number, claim, quoted)
            if citation is None:
                self.dropped += 1
                continue
            self._cited[number] = citation
            found.append(citation)
        return found

    def _checked(self, number: int, claim: str, quoted: list[str]) -> Citation | None:
        passage = self._passages.get(number)
        if passage is None or len(passage.text) != passage.char_end - passage.char_start:
            return None
        if not all(occurs(quotation, passage.text) for quotation in quoted):
            return None
        return cite(passage, quoted[-1] if quoted else claim, self._question)

    def _forget(self) -> None:
        unfinished = UNFINISHED.search(self._text, self._scanned)
        self._scanned = unfinished.start() if unfinished else len(self._text)
        surplus = max(0, len(self._text) - 2 * _KEPT)  # a marker may be part of what is kept
        self._text = self._text[surplus:]
        self._scanned = max(0, self._scanned - surplus)


def cite(passage: Passage, claim: str, question: str) -> Citation | None:
    """Return the citation of what supports ``claim`` in ``passage``; None when nothing can."""
    span = best_quote(passage.text, claim, question)
    first, last = passage.exact_part(span.start, span.end)
    quote = passage.text[first:last].rstrip()
    if not quote:
        return None
    start = passage.char_start + first
    return Citation(
        index=passage.index,
        document_id=passage.document_id,
        filename=passage.filename,
        page=passage.page_at(start),
        char_start=start,
        char_end=start + len(quote),
        quote=quote,
        similarity=passage.similarity,
    )


def claim_before(text: str) -> str:
    """Return the sentence that the end of ``text`` closes, without markers and punctuation."""
    said = MARKERS_AT_END.sub("", text[-_KEPT:])[-_LONGEST_CLAIM:].rstrip(_AROUND)
    return without_markers(said[_last_sentence(said) :]).strip(_AROUND)


def quoted_before(text: str) -> list[str]:
    """Return the quotations that end in the sentence that the end of ``text`` closes."""
    said = MARKERS_AT_END.sub("", text[-_KEPT:])
    line = said[said.rfind("\n") + 1 :]
    if len(text) >= _KEPT and line == said:
        return []  # where its marks open cannot be told
    return quotations_behind(line, _last_sentence(line.rstrip(_AROUND)))


def _last_sentence(text: str) -> int:
    boundaries = list(_CLAIM_BOUNDARY.finditer(text))
    return boundaries[-1].end() if boundaries else 0
