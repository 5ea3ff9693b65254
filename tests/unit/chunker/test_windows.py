"""How a long line is cut before pysbd reads it."""

from itertools import pairwise

import pytest

from workers.chunker.core import split_sentences
from workers.chunker.core.windows import WINDOW_CHARS, cut_windows

SENTENCE = "Mr. Alder counted the ships in the harbour, e.g. those of Mrs. Finch, twice. "


@pytest.mark.parametrize(
    "line",
    [SENTENCE * 500, "word " * 5_000, "x" * 50_000, "a" + " " * 50_000 + "b", "字。" * 20_000],
    ids=["sentences", "words", "one word", "blanks", "Chinese"],
)
def test_no_window_is_longer_than_what_pysbd_reads_fast(line: str) -> None:
    windows = list(cut_windows(line))
    assert all(0 < end - start <= WINDOW_CHARS for start, end in windows)
    assert all(not line[end:start].strip() for (_, end), (start, _) in pairwise(windows))
    assert windows[0][0] == 0
    assert windows[-1][1] == len(line)


def test_cuts_between_sentences_and_not_after_a_title() -> None:
    line = (SENTENCE * 500).strip()
    spans = [line[start:end] for start, end in split_sentences(line)]
    assert spans == [SENTENCE.strip()] * 500


def test_leaves_a_short_line_whole() -> None:
    assert list(cut_windows(SENTENCE)) == [(0, len(SENTENCE))]
