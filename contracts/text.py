"""The parsed text of a document: the one definition of its character offsets."""

from collections.abc import Sequence

#: What stands between two pages. A blank line, so that no paragraph runs across it.
PAGE_BREAK = "\n\n"


def join_pages(pages: Sequence[str]) -> tuple[str, list[int]]:
    """Return the parsed text of a document and the offset at which each page starts.

    Every character offset of a document (of chunks, of citations) counts code points of this
    text. Page ``i`` of the result is the text from ``starts[i]``, ``len(pages[i])`` long.
    """
    starts: list[int] = []
    offset = 0
    for page in pages:
        starts.append(offset)
        offset += len(page) + len(PAGE_BREAK)
    return PAGE_BREAK.join(pages), starts
