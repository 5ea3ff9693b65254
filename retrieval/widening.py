"""What the model reads: the chunks that were found, with what stands before and after them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from contracts.ids import DocumentId
from store.chunks import Place, StoredChunk
from store.nearest import Found


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """A chunk's part of a context: where it is, and its text."""

    page_first: int
    page_last: int
    char_start: int
    char_end: int
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """Neighbouring chunks of a document as one text.

    ``text`` is ``parsed_text[char_start:char_end]``, but for the blanks between two chunks: there
    are as many of them, though maybe others.
    """

    document_id: DocumentId
    version: int
    filename: str
    #: The greatest cosine similarity of the chunks in it that were found.
    similarity: float
    #: In order; they never overlap.
    pieces: tuple[Piece, ...]
    text: str

    @property
    def char_start(self) -> int:
        """Where it starts in the parsed text."""
        return self.pieces[0].char_start

    @property
    def char_end(self) -> int:
        """Where it ends in the parsed text, exclusive."""
        return self.pieces[-1].char_end

    @property
    def page_first(self) -> int:
        """The page on which it starts, counted from 1."""
        return self.pieces[0].page_first

    @property
    def page_last(self) -> int:
        """The page on which it ends."""
        return self.pieces[-1].page_last


def place_of(found: Found) -> Place:
    """Return where in its document a chunk is."""
    return Place(found.document_id, found.version, found.ordinal)


def beside(chunks: Iterable[Found], neighbours: int) -> set[Place]:
    """Return the places up to ``neighbours`` before and after the chunks, without their own."""
    own = {place_of(found) for found in chunks}
    around = {
        place._replace(ordinal=place.ordinal + step)
        for place in own
        for step in range(-neighbours, neighbours + 1)
        if place.ordinal + step >= 0
    }
    return around - own


def widen(
    chunks: Sequence[Found], neighbours: Mapping[Place, StoredChunk], *, most: int, room: int
) -> list[Context]:
    """Return the contexts of the chunks, that of the best chunk first; none overlap.

    A chunk is in whole, whatever its length. Up to ``most`` neighbours on either side follow while
    all contexts together have at most ``room`` characters: the nearest first, of the better chunk
    first, what comes after it before what comes before. Chunks and neighbours that touch are one
    context.
    """
    pieces: dict[Place, Found | StoredChunk] = {}
    for found in chunks:
        room -= _added(pieces, place_of(found), found)
        pieces[place_of(found)] = found
    for place, inner in _outwards([place_of(found) for found in chunks], most):
        if place in pieces or inner not in pieces or place not in neighbours:
            continue
        added = _added(pieces, place, neighbours[place])
        if added <= room:
            pieces[place] = neighbours[place]
            room -= added
    return _contexts(chunks, pieces)


def _outwards(own: Sequence[Place], most: int) -> Iterator[tuple[Place, Place]]:
    """Yield places in order of their worth, each with the one that it would be attached to."""
    for step in range(1, most + 1):
        for place in own:
            for side in (1, -1):
                outer = place._replace(ordinal=place.ordinal + side * step)
                yield outer, outer._replace(ordinal=outer.ordinal - side)


def _added(
    pieces: Mapping[Place, Found | StoredChunk], place: Place, chunk: Found | StoredChunk
) -> int:
    """Return how many characters a chunk adds: its own, and the blanks to those that it touches."""
    before = pieces.get(place._replace(ordinal=place.ordinal - 1))
    after = pieces.get(place._replace(ordinal=place.ordinal + 1))
    start = before.char_end if before else chunk.char_start
    end = after.char_start if after else chunk.char_end
    return end - start


def _contexts(
    chunks: Sequence[Found], pieces: Mapping[Place, Found | StoredChunk]
) -> list[Context]:
    contexts: list[Context] = []
    taken: set[Place] = set()
    for found in chunks:
        if place_of(found) in taken:
            continue
        run = _run(place_of(found), pieces)
        taken.update(run)
        here = [one for one in chunks if place_of(one) in run]
        contexts.append(_context(here, [pieces[place] for place in run]))
    return contexts


def _run(place: Place, pieces: Mapping[Place, object]) -> list[Place]:
    """Return the places around one that follow each other without a gap, in order."""
    first = last = place
    while (before := first._replace(ordinal=first.ordinal - 1)) in pieces:
        first = before
    while (after := last._replace(ordinal=last.ordinal + 1)) in pieces:
        last = after
    return [place._replace(ordinal=one) for one in range(first.ordinal, last.ordinal + 1)]


def _context(chunks: Sequence[Found], run: Sequence[Found | StoredChunk]) -> Context:
    gaps = [_blank(after.char_start - before.char_end) for before, after in pairwise(run)]
    texts = [piece.text for piece in run]
    return Context(
        document_id=chunks[0].document_id,
        version=chunks[0].version,
        filename=chunks[0].filename,
        similarity=max(found.similarity for found in chunks),
        pieces=tuple(map(_piece, run)),
        text=texts[0] + "".join(map("".join, zip(gaps, texts[1:], strict=True))),
    )


def _blank(length: int) -> str:
    """Return what stands for the blanks between two chunks: of several, some end a line."""
    return "\n" * length if length > 1 else " " * length


def _piece(chunk: Found | StoredChunk) -> Piece:
    return Piece(
        page_first=chunk.page_first,
        page_last=chunk.page_last,
        char_start=chunk.char_start,
        char_end=chunk.char_end,
        text=chunk.text,
    )
