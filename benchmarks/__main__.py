"""Runs every benchmark, each in a process of its own: ``python -m benchmarks [--quick] [NAME…]``.

Prints their tables and keeps what they found in ``benchmarks/results/``. The status is 1 when one
of them failed or missed a goal.
"""

import argparse
import subprocess
import sys
from dataclasses import dataclass
from time import perf_counter

from rich.console import Console
from rich.table import Table

#: Seconds after which a benchmark is given up; each takes a few minutes at most.
_MOST_SECONDS = 1800


@dataclass(frozen=True)
class Benchmark:
    """A module of this package that can be run."""

    name: str
    #: Whether it has small sizes, asked for by ``--quick``.
    has_quick: bool = True


#: From parts to the whole; what needs no servers first.
ALL = (
    Benchmark("sentences", has_quick=False),
    Benchmark("pdf_text"),
    Benchmark("embedding"),
    Benchmark("store", has_quick=False),
    Benchmark("retrieval"),
    Benchmark("delivery"),
    Benchmark("http_json"),
    Benchmark("startup"),
    Benchmark("upload"),
    Benchmark("upload_memory"),
    Benchmark("ingestion"),
    Benchmark("rebuild"),
    Benchmark("chat"),
    Benchmark("chat_streams"),
    Benchmark("memory"),
)


def main() -> int:
    """Run the named benchmarks, all without a name; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--quick", action="store_true", help="small sizes, not to judge by")
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: all")
    given = parser.parse_args()
    unknown = set(given.names) - {one.name for one in ALL}
    if unknown:
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    chosen = [one for one in ALL if not given.names or one.name in given.names]
    rows = [(one.name, *_run(one, quick=given.quick)) for one in chosen]
    table = Table("benchmark", "seconds", "ended")
    for name, seconds, ending in rows:
        table.add_row(name, f"{seconds:.0f}", ending)
    Console().print(table)
    return int(any(ending != "well" for _, _, ending in rows))


def _run(one: Benchmark, *, quick: bool) -> tuple[float, str]:
    """Return the seconds that it took, and in a word how it ended."""
    Console().rule(one.name)
    command = [sys.executable, "-m", f"benchmarks.{one.name}"]
    if quick and one.has_quick:
        command.append("--quick")
    began = perf_counter()
    try:
        status = subprocess.run(command, check=False, timeout=_MOST_SECONDS).returncode  # noqa: S603 - ours
    except subprocess.TimeoutExpired:
        return perf_counter() - began, "not in time"
    return perf_counter() - began, "well" if status == 0 else f"status {status}"


if __name__ == "__main__":
    sys.exit(main())
