"""Text to measure with: prose of our own, different for every seed and the same for one."""

import random
import textwrap
from collections.abc import Iterator
from importlib import import_module
from io import BytesIO
from typing import Any

_WHO = (
    "the harbour master",
    "a ferry captain",
    "Dr. Okoro",
    "the night watch",
    "Mrs. Alder",
    "every apprentice",
    "the council's engineer",
    "an old cartographer",
    "the signal crew",
    "Prof. Lindqvist",
)
_DID = (
    "repaired",
    "measured",
    "described",
    "forgot",
    "inspected",
    "painted",
    "sold",
    "catalogued",
    "mistrusted",
    "carried home",
)
_WHAT = (
    "the brass lantern",
    "four tide tables",
    "a crate of copper wire",
    "the northern breakwater",
    "the ledger of 1911",
    "an unreliable barometer",
    "two hundred oak planks",
    "the pump beneath the quay",
    "a chart without soundings",
    "the bell that nobody rang",
)
_WHEN = (
    "before the autumn storms",
    "at half past six",
    "while the fog lasted",
    "on 3 March",
    "after the long strike",
    "in spite of the rain",
    "during the census",
    "between two sailings",
    "when the ice broke",
    "as the by-laws demand",
)
_WHY = (
    "because the insurance asked for it",
    "so that the ferries could leave on time",
    "although nobody had paid for the work",
    "which saved about 40 crowns a week",
    "and the newspaper printed a correction",
    "until the new regulations came into force",
    "as was agreed with the owners of the quay",
    "and a copy went to the archive",
)

#: By name: the package brings no types.
_CANVAS: Any = import_module("reportlab.pdfgen.canvas").Canvas

#: In points.
_A4 = (595.28, 841.89)
_LINES_A_PAGE = 48
_CHARACTERS_A_LINE = 92
_FONT, _FONT_SIZE, _LEADING, _MARGIN = "Times-Roman", 11, 14.5, 56


def prose(seed: int, characters: int) -> str:
    """Return paragraphs of about so many characters (at least), a blank line between them."""
    dice = random.Random(seed)  # noqa: S311 - words, not secrets
    paragraphs: list[str] = []
    length = 0
    while length < characters:
        paragraph = " ".join(_sentence(dice, seed) for _ in range(dice.randint(4, 8)))
        paragraphs.append(paragraph)
        length += len(paragraph) + 2
    return "\n\n".join(paragraphs)


def text_file(seed: int, size: int) -> bytes:
    """Return prose of exactly ``size`` bytes."""
    return prose(seed, size).encode()[:size]


def pdf_file(seed: int, pages: int) -> bytes:
    """Return a PDF of so many full pages of prose, each some 4,000 characters."""
    buffer = BytesIO()
    document = _CANVAS(buffer, pagesize=_A4, invariant=True)
    lines = _lines(seed)
    for _ in range(pages):
        page = document.beginText(_MARGIN, _A4[1] - _MARGIN)
        page.setFont(_FONT, _FONT_SIZE, leading=_LEADING)
        for line in [next(lines) for _ in range(_LINES_A_PAGE)]:
            page.textLine(line)
        document.drawText(page)
        document.showPage()
    document.save()
    return buffer.getvalue()


def _lines(seed: int) -> Iterator[str]:
    number = seed * 1000
    while True:
        for paragraph in prose(number, 4000).split("\n\n"):
            yield from textwrap.wrap(paragraph, _CHARACTERS_A_LINE)
            yield ""
        number += 1


def _sentence(dice: random.Random, seed: int) -> str:
    """Return one sentence; a number in many of them keeps texts of different seeds apart."""
    parts = [dice.choice(_WHO), dice.choice(_DID), dice.choice(_WHAT)]
    if dice.random() < 0.6:
        parts.append(dice.choice(_WHEN))
    if dice.random() < 0.4:
        parts.append(dice.choice(_WHY))
    if dice.random() < 0.5:
        parts.append(f"(entry {seed}-{dice.randrange(10_000)})")
    said = " ".join(parts)
    return said[0].upper() + said[1:] + dice.choice((".", ".", ".", ".", ".", "!"))
