"""How long a start takes, the first one and the next: ``python -m benchmarks.startup``.

Cold is an empty data folder (the jars of Kafka are on disk already); warm is the same folder again.
"""

import asyncio
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter

from benchmarks.processes import Processes
from benchmarks.report import Report, benchmark
from benchmarks.stack import free_port, local_settings, running_machine, scratch_folder
from runtime.settings import environment_with

#: What `ragline up` says when requests can come.
_READY = "Everything is up"
_START_SECONDS = 180
_STOP_SECONDS = 60


async def measure(report: Report) -> None:
    """Start everything twice on a new folder, by the command and part by part."""
    with scratch_folder() as folder:
        local_settings(folder)  # ends here where the environment names other servers
        cold, _ = await _command(folder)
        warm, stopping = await _command(folder)
    report.figure("`ragline up` to ready, cold", cold, unit="s")
    report.figure("`ragline up` to ready, warm", warm, unit="s")
    report.figure("warm / cold", warm / cold)
    report.figure("SIGTERM to ended", stopping, unit="s")
    with scratch_folder() as folder:
        first, _ = await _parts(folder)
        second, spent = await _parts(folder)
    report.listing(
        "Parts of a start, seconds",
        ("part", "cold", "warm"),
        [(part, first[part], second[part]) for part in first],
    )
    report.listing(
        "Processor seconds until ready, warm", ("process", "CPU-s"), sorted(spent.items())
    )


async def _command(folder: Path) -> tuple[float, float]:
    """Return the seconds that `ragline up` takes until it is ready, and to end."""
    environment = environment_with(
        data_dir=str(folder), port=str(free_port()), pythonunbuffered="1", columns="200"
    )
    began = perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cli.main", "up", stdout=asyncio.subprocess.PIPE, env=environment
    )
    try:
        async with asyncio.timeout(_START_SECONDS):
            await _until_said(process.stdout, _READY)
        ready = perf_counter()
    finally:
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(_STOP_SECONDS):
            await process.communicate()
    return ready - began, perf_counter() - ready


async def _until_said(output: asyncio.StreamReader | None, words: str) -> None:
    if output is None:
        raise ValueError("The process was started without a pipe.")
    said: list[str] = []
    async for line in output:
        said.append(line.decode(errors="replace"))
        if words in said[-1]:
            return
    raise RuntimeError("`ragline up` ended: " + "".join(said))


async def _parts(folder: Path) -> tuple[Mapping[str, float], Mapping[str, float]]:
    """Return the seconds of each part of a start, and the processor seconds of each process."""
    async with running_machine(folder) as machine:
        return machine.seconds, Processes(machine).cpu_seconds()


if __name__ == "__main__":
    benchmark("startup", measure)
