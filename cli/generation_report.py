"""Generations as the API tells of them, and how they show themselves."""

from collections.abc import Sequence

import msgspec
from rich.table import Table

from cli.answers import read_as
from cli.console import out
from cli.terminal import one_line, say, say_json

_STYLES = {"active": "green", "building": "yellow", "retired": "", "dropped": "dim"}
MINUTE, HOUR = 60, 3600


class Lag(msgspec.Struct, frozen=True, kw_only=True):
    """Records that a build's workers have not completed."""

    chunker: int
    embedder: int


class Generation(msgspec.Struct, frozen=True, kw_only=True):
    """A way to index, and how far it is."""

    generation_id: int
    chunking: str
    embedding_model: str
    dimensions: int
    state: str
    step: str
    documents: int
    documents_total: int
    failed: int
    chunks: int
    tokens: int
    documents_per_second: float | None = None
    eta_seconds: float | None = None
    lag: Lag | None = None
    problem: str | None = None


class GenerationPage(msgspec.Struct, frozen=True, kw_only=True):
    """Every generation, oldest first."""

    data: list[Generation]


def tell(content: bytes, *, as_json: bool) -> None:
    """Print one generation as the API told of it."""
    if as_json:
        say_json(content)
    else:
        print_generations(GenerationPage(data=[read_as(Generation, content)]))


def print_generations(page: GenerationPage) -> None:
    """Print a list: a table on a terminal, else a line for each; problems below."""
    if out.is_terminal:
        out.print(_table(page.data))
    else:
        for generation in page.data:
            say("\t".join(_cells(generation)))
    for generation in page.data:
        if generation.problem is not None:
            say(f"Generation {generation.generation_id}: {one_line(generation.problem)}")


def _table(generations: Sequence[Generation]) -> Table:
    table = Table(
        "number", "chunking", "model", "state", "documents", "chunks", "tokens", "progress"
    )
    for generation in generations:
        table.add_row(*_cells(generation), style=_STYLES.get(generation.state, ""))
    return table


def _cells(generation: Generation) -> list[str]:
    state = generation.state
    if generation.step not in {"at rest", state}:
        state = f"{state}, {generation.step}"
    documents = f"{generation.documents}/{generation.documents_total}"
    if generation.failed:
        documents += f", {generation.failed} failed"
    return [
        str(generation.generation_id),
        generation.chunking,
        f"{one_line(generation.embedding_model)} ({generation.dimensions})",
        state,
        documents,
        str(generation.chunks),
        str(generation.tokens),
        _progress(generation),
    ]


def _progress(generation: Generation) -> str:
    """Return what a build has left, how fast it goes and how long it may take."""
    said: list[str] = []
    if generation.lag is not None:
        said.append(f"lag {generation.lag.chunker} + {generation.lag.embedder}")
    if generation.documents_per_second:
        said.append(f"{generation.documents_per_second:.1f} documents/s")
    if generation.eta_seconds is not None:
        said.append(f"{_duration(generation.eta_seconds)} left")
    return ", ".join(said)


def _duration(seconds: float) -> str:
    if seconds >= HOUR:
        return f"{seconds / HOUR:.1f} h"
    return f"{seconds / MINUTE:.0f} min" if seconds >= MINUTE else f"{seconds:.0f} s"
