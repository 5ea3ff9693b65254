"""The pages that a person reads, taken apart."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "terraform").glob("*.md")]
)

_FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^()\s]+)\)")
_SPAN = re.compile(r"`([^`\n]+)`")
_HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
#: What GitHub leaves out of an anchor.
_NOT_IN_ANCHOR = re.compile(r"[^\w\- ]")


@dataclass(frozen=True)
class Fence:
    """A fenced block: ``words`` are what stands behind its opening fence."""

    words: tuple[str, ...]
    text: str


def named(page: Path) -> str:
    """Return how a test names a page."""
    return str(page.relative_to(ROOT))


def fences(page: Path) -> list[Fence]:
    """Return the fenced blocks of a page."""
    return [Fence(tuple(found[1].split()), found[2]) for found in _FENCE.finditer(page.read_text())]


def links(page: Path) -> Iterator[str]:
    """Yield the targets of a page's links and pictures."""
    yield from (found[1] for found in _LINK.finditer(_prose(page)))


def spans(page: Path) -> Iterator[str]:
    """Yield what stands in code spans."""
    yield from (found[1] for found in _SPAN.finditer(_prose(page)))


def anchors(page: Path) -> set[str]:
    """Return what a link may name behind its number sign."""
    return {
        _NOT_IN_ANCHOR.sub("", heading.lower()).replace(" ", "-")
        for heading in _HEADING.findall(_prose(page))
    }


def _prose(page: Path) -> str:
    return _FENCE.sub("", page.read_text())
