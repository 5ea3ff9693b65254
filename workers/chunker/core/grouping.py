"""Sentences into chunks: so many to a chunk, none longer than an embedder takes."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from workers.chunker.core.chunks import Chunk
from workers.chunker.core.cutting import cut_span, fits
from workers.chunker.core.sentences import split_sentences

#: Five sentences of fiction have 740 characters in the middle and 2,600 at the 99th percentile:
#: hardly a chunk of prose is cut short by this bound.
MAX_CHUNK_CHARS = 4_000


def chunk_text(
    text: str, page_starts: Sequence[int], *, size: int = 5, max_chars: int = MAX_CHUNK_CHARS
) -> list[Chunk]:
    """Return the chunks of a parsed text: ``size`` sentences each, fewer where they are long.

    Every character that is not blank is in exactly one chunk.
    """
    spans = split_sentences(text)
    return group_sentences(text, spans, size=size, page_starts=page_starts, max_chars=max_chars)


def group_sentences(
    text: str,
    spans: Sequence[tuple[int, int]],
    *,
    size: int,
    page_starts: Sequence[int],
    max_chars: int,
) -> list[Chunk]:
    """Group the sentences of ``text`` into chunks of at most ``size`` of them, in order.

    A chunk has at most ``max_chars`` code points and at most ``MAX_CHUNK_BYTES`` of UTF-8; a
    sentence that is longer is cut. A page is an index into ``page_starts``, plus one.

    Raises:
        ValueError: ``size`` or ``max_chars`` is less than one.
    """
    if min(size, max_chars) < 1:
        raise ValueError("A chunk has at least one sentence and at least one character.")
    pieces = [piece for span in spans for piece in cut_span(text, span, max_chars)]
    return [
        Chunk(
            ordinal=ordinal,
            page_first=max(1, bisect_right(page_starts, start)),
            page_last=max(1, bisect_right(page_starts, end - 1)),
            char_start=start,
            char_end=end,
            text=text[start:end],
        )
        for ordinal, (start, end) in enumerate(_group(text, pieces, size, max_chars))
    ]


def _group(
    text: str, pieces: Sequence[tuple[int, int]], size: int, max_chars: int
) -> Iterator[tuple[int, int]]:
    index = 0
    while index < len(pieces):
        start, end = pieces[index]
        last = index + 1
        while (
            last < len(pieces)
            and last - index < size
            and fits(text, start, pieces[last][1], max_chars)
        ):
            end = pieces[last][1]
            last += 1
        yield start, end
        index = last
