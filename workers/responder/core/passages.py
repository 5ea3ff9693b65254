"""What the model is given to answer from, with what a citation of it needs."""

from bisect import bisect_right
from dataclasses import dataclass
from operator import itemgetter


@dataclass(frozen=True, kw_only=True)
class Passage:
    """A numbered stretch of a parsed text: ``parsed_text[char_start:char_end] == text``.

    Of several ``pieces``, each is exact; of the blanks between them, only their number is.
    """

    #: The number that the model cites it by, from 1.
    index: int
    document_id: str
    filename: str
    #: The page on which it starts.
    page: int
    #: Where further pages start inside it: offset in the parsed text and page, in order.
    page_starts: tuple[tuple[int, int], ...] = ()
    char_start: int
    char_end: int
    text: str
    #: Where in ``text`` its chunks are, in order; empty where it is one.
    pieces: tuple[tuple[int, int], ...] = ()
    #: Cosine similarity of the question and the chunk; none where it was not searched for.
    similarity: float | None

    def page_at(self, offset: int) -> int:
        """Return the page of the character at ``offset`` of the parsed text."""
        place = bisect_right(self.page_starts, offset, key=itemgetter(0))
        return self.page_starts[place - 1][1] if place else self.page

    def exact_part(self, start: int, end: int) -> tuple[int, int]:
        """Return the longest part of ``text[start:end]`` that lies in one piece."""
        parts = [(max(start, first), min(end, last)) for first, last in self.pieces]
        return max(parts, key=lambda part: part[1] - part[0], default=(start, end))
