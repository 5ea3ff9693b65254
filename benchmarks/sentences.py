"""How fast sentences are found, against pysbd alone: ``python -m benchmarks.sentences [FILE]``.

Every figure is a ratio of processor seconds taken in one run, so that the machine does not
matter; without a file the text is generated, the same each time.
"""

import math
import random
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import process_time
from typing import Final

import msgspec
from rich.console import Console
from rich.table import Table

from workers.chunker.core import split_sentences
from workers.chunker.core.library import Segmenter

_MEGABYTE: Final = 1_000_000
_WIDTH: Final = 78

_WORDS: Final = re.findall(
    r"\w+",
    "harbour ledger council winter signal engine archive meadow copper river witness lantern "
    "station careful quiet narrow distant steady broken modern carried measured opened counted "
    "repaired returned promised followed because although between without toward under the a its "
    "their every another some most and or but that which where",
)
_NAMES: Final = ("Mr. Alder", "Mrs. Finch", "Dr. Okoro", "the U.S. office", "Hall & Co.")
_ASIDES: Final = ("e.g. the old one", "approx. 4.5 m", "No. 12", "on Jan. 5", "at 6 p.m.", "fig. 3")

#: Lines that are hard for rules made of patterns, each repeated to 8,000 characters.
_HOSTILE: Final = (
    "..[111 111 111 111 111 111 ",
    "a. b. c. ",
    "1. 2. ",
    '" (',
    "[\\",
    "!!!!",
    "“a. ",
    " 'a",
    "(",
    "..\n",
    "?\r\nMr.",
)


Split = Callable[[str], object]


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A measured value and the bound that it is to keep."""

    name: str
    value: float
    least: float = 0.0
    most: float = math.inf

    @property
    def is_kept(self) -> bool:
        """Tell whether the bound is kept."""
        return self.least <= self.value <= self.most


def main(arguments: Sequence[str]) -> int:
    """Print the table; return 1 if a bound is not kept."""
    prose = _prose(Path(arguments[0]).read_text() if arguments else None)
    bare = Segmenter(language="en", clean=False).segment
    for compile_patterns in (bare, split_sentences):
        compile_patterns(prose[:10_000])
    figures = [*_paragraphs(prose, bare), *_one_line(" ".join(prose.split()), bare), _hostile()]
    table = Table("figure", "measured", "bound", "kept")
    for figure in figures:
        bound = f"at least {figure.least:g}" if figure.least else f"at most {figure.most:g}"
        kept = "yes" if figure.is_kept else "no"
        table.add_row(figure.name, f"{figure.value:.1f}", bound, kept)
    Console().print(table)
    return 0 if all(figure.is_kept for figure in figures) else 1


def _paragraphs(prose: str, bare: Split) -> Iterator[Figure]:
    whole, tenth = _seconds_of_whole_and_tenth(prose)
    blocks = [" ".join(block.split()) for block in prose.split("\n\n")]
    yield Figure(
        name="1 MB of paragraphs, times as fast as pysbd",
        value=_once(lambda: bare(prose)) / whole,
        least=3.0,
    )
    yield Figure(
        name="the same, pysbd paragraph by paragraph",
        value=_once(lambda: [bare(block) for block in blocks if block]) / whole,
        least=3.0,
    )
    yield Figure(name="1 MB of paragraphs / 100 kB of them", value=whole / tenth, most=12.0)


def _one_line(line: str, bare: Split) -> Iterator[Figure]:
    part = line[: _MEGABYTE // 10]
    whole, tenth = _seconds_of_whole_and_tenth(line)
    yield Figure(
        name="100 kB in one line, times as fast as pysbd",
        value=_once(lambda: bare(part)) / _seconds(lambda: split_sentences(part)),
        least=15.0,
    )
    yield Figure(name="1 MB in one line / 100 kB of it", value=whole / tenth, most=12.0)


def _hostile() -> Figure:
    value = max(map(_milliseconds_per_kb, _HOSTILE))
    return Figure(name="hardest input, milliseconds per kB", value=value, most=50.0)


def _once(work: Callable[[], object]) -> float:
    begun = process_time()
    work()
    return process_time() - begun


def _seconds(work: Callable[[], object]) -> float:
    """Return the least processor time of three runs."""
    return min(_once(work) for _ in range(3))


def _seconds_of_whole_and_tenth(text: str) -> tuple[float, float]:
    """Return the time of ``text``, and of a tenth of it on average: some are harder than others.

    The two are taken in turns, so that a busy machine slows both.
    """
    length = len(text) // 10
    parts = [text[start : start + length] for start in range(0, 10 * length, length)]
    rounds = [
        (
            _once(lambda: split_sentences(text)),
            _once(lambda: [split_sentences(part) for part in parts]) / 10,
        )
        for _ in range(7)
    ]
    return min(whole for whole, _ in rounds), min(tenth for _, tenth in rounds)


def _milliseconds_per_kb(motif: str) -> float:
    text = motif * (8_000 // len(motif))
    return _seconds(lambda: split_sentences(text)) * 1e3 / (len(text) / 1e3)


def _prose(given: str | None) -> str:
    """Return a megabyte of paragraphs, hard-wrapped where they are made here."""
    if given:
        return (given * (_MEGABYTE // len(given) + 1))[:_MEGABYTE]
    dice = random.Random(20)  # noqa: S311 - words, not secrets
    paragraphs: list[str] = []
    length = 0
    while length < _MEGABYTE:
        paragraph = _wrap(" ".join(_sentence(dice) for _ in range(dice.randint(3, 9))))
        paragraphs.append(paragraph)
        length += len(paragraph) + 2
    return "\n\n".join(paragraphs)[:_MEGABYTE]


def _sentence(dice: random.Random) -> str:
    words = dice.choices(_WORDS, k=dice.randint(6, 24))
    if dice.random() < 0.3:
        words.insert(dice.randrange(len(words)), dice.choice(_NAMES))
    if dice.random() < 0.2:
        words.insert(dice.randrange(1, len(words)), f"({dice.choice(_ASIDES)})")
    said = " ".join(words)
    said = said[0].upper() + said[1:]
    if dice.random() < 0.1:
        return f"“{said}?” asked {dice.choice(_NAMES)} at last."
    return said + dice.choice([".", ".", ".", ".", "?", "!"])


def _wrap(paragraph: str) -> str:
    lines = [""]
    for word in paragraph.split():
        if len(lines[-1]) + 1 + len(word) > _WIDTH:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".lstrip()
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
