# ruff: noqa: RUF001 -- the signs that look alike are what this file is about
"""A text into sentences, as exact spans."""

import re
from typing import Final

from workers.chunker.core.paragraphs import split_paragraphs
from workers.chunker.core.processor import split_line
from workers.chunker.core.rules import MARKERS, SENTENCE_ENDS
from workers.chunker.core.spans import Span, align
from workers.chunker.core.windows import cut_windows

_LINE_BREAK = re.compile(r"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_MARKER = re.compile(f"[{MARKERS}]")
#: A private-use character: to pysbd it is a sign like any other.
_SIGN: Final = "\ue000"
# Without one of these before its last character a line is one sentence.
_REASON_TO_SPLIT = re.compile(rf"[{SENTENCE_ENDS})]|-[\"'“”]")
# The number or letter of a list item or a heading, which stays with what it numbers.
_LABEL = re.compile(
    r"[-*+•‣◦⁃–>#_(\[\s]*(?:\d{1,3}(?:\.\d{1,3})*|[a-zA-Z]|[ivxlcIVXLC]{2,5})[.):\]*_]+"
)
_LONGEST_LABEL = 24


def split_sentences(text: str) -> list[Span]:
    """Return the span of every sentence of ``text``, in order.

    ``text[start:end]`` is the sentence, without blanks around it. The spans never overlap, and
    what lies between them is blank.
    """
    text = _MARKER.sub(_SIGN, text)
    spans: list[Span] = []
    for start, end in split_paragraphs(text):
        if _REASON_TO_SPLIT.search(text, start, end - 1):
            line = _LINE_BREAK.sub(" ", text[start:end])
            spans.extend((start + first, start + last) for first, last in _split_paragraph(line))
        else:
            spans.append((start, end))
    return spans


def _split_paragraph(line: str) -> list[Span]:
    """Return the sentences of a paragraph that is one line."""
    spans = [
        span
        for window in cut_windows(line)
        for span in align(line, window, split_line(line[slice(*window)]))
    ]
    if len(spans) > 1 and _is_label(line, spans[0]):
        spans[:2] = [(spans[0][0], spans[1][1])]
    return spans


def _is_label(line: str, span: Span) -> bool:
    return span[1] <= _LONGEST_LABEL and _LABEL.fullmatch(line, *span) is not None
