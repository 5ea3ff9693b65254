"""What a benchmark found: printed as tables, kept as JSON, and judged where there is a goal."""

import argparse
import asyncio
import json
import logging
import math
import platform
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import psutil
import structlog
from rich.console import Console
from rich.table import Table

from runtime.clock import SystemClock

RESULTS: Final = Path(__file__).parent / "results"

#: A cell of a table.
Cell = str | int | float


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A measured value and the bounds that are its goal, if it has one."""

    name: str
    value: float
    unit: str = ""
    least: float | None = None
    most: float | None = None

    @property
    def goal(self) -> str:
        """The bound in words."""
        if self.least is not None:
            return f"at least {self.least:g}"
        return "" if self.most is None else f"at most {self.most:g}"

    @property
    def is_kept(self) -> bool:
        """Whether the goal is reached; always without one."""
        least = -math.inf if self.least is None else self.least
        most = math.inf if self.most is None else self.most
        return least <= self.value <= most


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """A table of details behind the figures."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[Cell, ...]]


class Report:
    """Collects what one benchmark measures in one run."""

    def __init__(self, name: str, *, quick: bool) -> None:
        self.name = name
        #: Whether small sizes are wanted: to see that it works, not to judge by.
        self.quick = quick
        self.figures: list[Figure] = []
        self.listings: list[Listing] = []

    def size(self, full: int, quick: int) -> int:
        """Return how much to do in this run."""
        return quick if self.quick else full

    def figure(
        self,
        name: str,
        value: float,
        *,
        unit: str = "",
        least: float | None = None,
        most: float | None = None,
    ) -> None:
        """Note a value; with ``least`` or ``most`` it is judged."""
        self.figures.append(Figure(name=name, value=value, unit=unit, least=least, most=most))

    def listing(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
        """Note a table."""
        self.listings.append(
            Listing(title=title, columns=tuple(columns), rows=[tuple(row) for row in rows])
        )

    def show(self) -> None:
        """Print the tables, the figures last."""
        console = Console()
        for listing in self.listings:
            table = Table(*listing.columns, title=listing.title, title_justify="left")
            for row in listing.rows:
                table.add_row(*map(_cell, row))
            console.print(table)
        table = Table("figure", "measured", "unit", "goal", "kept", title=self.name)
        for figure in self.figures:
            kept = "" if not figure.goal else "yes" if figure.is_kept else "no"
            table.add_row(figure.name, _cell(figure.value), figure.unit, figure.goal, kept)
        console.print(table)

    def write(self, folder: Path = RESULTS) -> Path:
        """Write everything as JSON, with the machine that it was measured on; return the file."""
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{self.name}{'.quick' if self.quick else ''}.json"
        content = {
            "benchmark": self.name,
            "quick": self.quick,
            "at": SystemClock().now().isoformat(timespec="seconds"),
            "machine": _machine(),
            "figures": msgspec.to_builtins(self.figures),
            "listings": msgspec.to_builtins(self.listings),
        }
        file.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        return file

    @property
    def status(self) -> int:
        """The exit status: 1 when a goal was missed; small sizes are not judged."""
        return int(not self.quick and not all(figure.is_kept for figure in self.figures))


def benchmark(name: str, measure: Callable[[Report], Awaitable[None]]) -> None:
    """Run one benchmark from the command line, and end with its status."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}")
    parser.add_argument("--quick", action="store_true", help="small sizes, not to judge by")
    report = Report(name, quick=parser.parse_args().quick)

    async def run() -> None:
        await measure(report)

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    # Clients log that a topic made just now is not everywhere yet.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    asyncio.run(run())
    report.show()
    report.write()
    sys.exit(report.status)


def percentile(values: Sequence[float], q: float) -> float:
    """Return the ``q``-th percentile, from 0 to 100, between the nearest two values."""
    return float(np.percentile(values, q))


def percentiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the 50th, 95th and 99th percentile."""
    return percentile(values, 50), percentile(values, 95), percentile(values, 99)


def _cell(value: Cell) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 999.5 else f"{value:.3g}"
    return str(value)


def _machine() -> dict[str, object]:
    return {
        "processor": _processor(),
        "cores": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        #: Of one minute, as the run ends: what else was going on.
        "load": round(psutil.getloadavg()[0], 2),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor())
