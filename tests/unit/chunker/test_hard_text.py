# ruff: noqa: RUF001 -- hard texts are made of signs that look alike
"""Whatever a text holds: spans are exact, nothing is lost, no chunk is too long."""

import re
import subprocess
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.text import join_pages
from tests.unit.chunker.hard_texts import HARD_TEXTS
from workers.chunker.core import (
    MAX_CHUNK_BYTES,
    MAX_CHUNK_CHARS,
    Chunk,
    chunk_text,
    split_sentences,
)
from workers.chunker.core.rules import MARKERS

ROOT = Path(__file__).parents[3]

SIGNS = [*"aAb1.!?'\"“”‘’()[]-«»《》「」。？ \t\n\\,;:&|#>*_", *MARKERS, "\r\n", "\n\n"]
WORDS = re.findall(
    r"\S+ ?",
    "Mr. etc. e.g. U.S. p.m. 1. 2. a) b) (c) ... .... ?! !! -- [1] .[2] The word Word . . . . ",
)
PIECES = st.one_of(st.sampled_from([*SIGNS, *WORDS]), st.text(max_size=8))
TEXTS = st.lists(PIECES, max_size=120).map("".join)


def assert_exact(text: str, spans: Sequence[tuple[int, int]]) -> None:
    """Every character that is not blank is in exactly one span, and no span is padded."""
    for start, end in spans:
        assert start < end
        assert not text[start].isspace()
        assert not text[end - 1].isspace()
    edges = [0, *(edge for span in spans for edge in span), len(text)]
    assert edges == sorted(edges)
    between = [text[start:end] for start, end in list(pairwise(edges))[::2]]
    assert not "".join(between).strip()


def assert_sound(text: str, chunks: Sequence[Chunk], max_chars: int = MAX_CHUNK_CHARS) -> None:
    assert_exact(text, [(chunk.char_start, chunk.char_end) for chunk in chunks])
    assert [chunk.ordinal for chunk in chunks] == list(range(len(chunks)))
    for chunk in chunks:
        assert text[chunk.char_start : chunk.char_end] == chunk.text
        assert len(chunk.text) <= max_chars
        assert len(chunk.text.encode()) <= MAX_CHUNK_BYTES


@pytest.mark.timeout(20)  # what hangs does so for years
@pytest.mark.parametrize("name", HARD_TEXTS)
def test_splits_hard_text_exactly(name: str) -> None:
    text = HARD_TEXTS[name]
    assert_exact(text, split_sentences(text))
    assert_sound(text, chunk_text(text, [0]))


@pytest.mark.timeout(60)
@settings(max_examples=400, deadline=None)
@given(TEXTS)
def test_splits_any_text_exactly(text: str) -> None:
    assert_exact(text, split_sentences(text))


@pytest.mark.timeout(60)
@settings(max_examples=200, deadline=None)
@given(st.lists(TEXTS, max_size=5), st.integers(1, 50), st.integers(1, 200))
def test_chunks_any_pages_exactly(pages: list[str], size: int, max_chars: int) -> None:
    text, starts = join_pages(pages)
    assert_sound(text, chunk_text(text, starts, size=size, max_chars=max_chars), max_chars)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("unit", ["word ", "word", "字", "word, ", "( ", "é🇫🇷"])
def test_cuts_a_sentence_of_a_megabyte(unit: str) -> None:
    text = unit * (1_000_000 // len(unit.encode()))
    assert_sound(text, chunk_text(text, [0]))


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "motif",
    [
        "..[111 111 111 ",
        "a. b. c. ",
        "i) ii) iii) ",
        "1. 2. 3. ",
        "9) 10) ",
        '" (',
        ') "',
        "[\\",
        "《\\",
        "!?!",
        "“a. ",
        "(a. ",
        " 'a",
        " ‘a",
        "--a",
        "1. a. ",
        "a.",
        " .",
        "。",
        "..\n",
        "\\",
    ],
)
def test_reads_a_repeated_motif_without_hanging(motif: str) -> None:
    text = motif * (16_000 // len(motif))
    assert_exact(text, split_sentences(text))


def test_gives_the_same_chunks_in_every_process() -> None:
    script = (
        "from hashlib import sha256; import msgspec;"
        "from tests.unit.chunker.hard_texts import HARD_TEXTS;"
        "from workers.chunker.core import chunk_text;"
        "chunks = [chunk_text(text, [0]) for text in HARD_TEXTS.values()];"
        "print(sha256(msgspec.json.encode(chunks)).hexdigest())"
    )
    digests = {
        subprocess.run(  # noqa: S603 - our own interpreter and our own script
            [sys.executable, "-c", script],
            env={"PYTHONHASHSEED": seed, "LC_ALL": locale, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed, locale in (("1", "C"), ("2", "C.UTF-8"))
    }
    assert len(digests) == 1
