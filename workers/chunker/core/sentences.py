"""A text into sentences, as exact spans."""

import pysbd

_SEGMENTER = pysbd.Segmenter(language="en", clean=False)


def split_sentences(text: str) -> list[tuple[int, int]]:
    """Return the span of every sentence of ``text``, in order.

    ``text[start:end]`` is the sentence, without blanks around it. The spans never overlap, and
    what lies between them is blank.
    """
    spans: list[tuple[int, int]] = []
    offset = 0
    for line in text.splitlines(keepends=True):
        cursor = 0
        for sentence in _SEGMENTER.processor(line).process() if line.strip() else ():
            found = line.find(sentence.strip(), cursor)
            if found >= 0 and sentence.strip() and not line[cursor:found].strip():
                cursor = found + len(sentence.strip())
                spans.append((offset + found, offset + cursor))
        rest = line[cursor:]
        if rest.strip():
            start = offset + cursor + len(rest) - len(rest.lstrip())
            spans.append((start, start + len(rest.strip())))
        offset += len(line)
    return spans
