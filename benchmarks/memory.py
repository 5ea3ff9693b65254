"""What every process holds in memory, idle and after work: ``python -m benchmarks.memory``.

RSS counts what processes share in each of them again; USS is what would be free without the
process. Children count with their parent: PostgreSQL's sessions, the processes that parse and
split.
"""

import asyncio
from collections.abc import Iterable

from benchmarks.client import Client
from benchmarks.corpus import pdf_file, text_file
from benchmarks.processes import Memory, Processes
from benchmarks.report import Report, benchmark
from benchmarks.stack import Machine, running_machine, scratch_folder

_CLIENTS = 8
_QUESTION = "Who repaired the brass lantern before the autumn storms?"
#: After the last answer, so that what is freed later is freed.
_SETTLE_SECONDS = 3.0


async def measure(report: Report) -> None:
    """Read the memory of an idle machine, after documents, and after questions."""
    with scratch_folder() as folder:
        async with running_machine(folder) as machine:
            processes = Processes(machine)
            await asyncio.sleep(_SETTLE_SECONDS)
            idle = processes.memory()
            texts = (text_file(seed, 4096) for seed in range(report.size(300, 20)))
            await _ingest(machine, [pdf_file(1, report.size(300, 20)), *texts])
            ingested = processes.memory()
            await _ask(machine, report.size(300, 20))
            asked = processes.memory()
    _tell(report, idle, ingested, asked)


async def _ingest(machine: Machine, files: Iterable[bytes]) -> None:
    waiting, headers = iter(files), await machine.log_in()

    async def client() -> None:
        async with Client(machine.url, headers) as connection:
            for content in waiting:
                await connection.index("file", content)

    await asyncio.gather(*(client() for _ in range(_CLIENTS)))
    await asyncio.sleep(_SETTLE_SECONDS)


async def _ask(machine: Machine, times: int) -> None:
    waiting, headers = iter(range(times)), await machine.log_in()

    async def client() -> None:
        async with Client(machine.url, headers) as connection:
            for _ in waiting:
                (await connection.post("/chat", {"message": _QUESTION})).json()

    await asyncio.gather(*(client() for _ in range(_CLIENTS)))
    await asyncio.sleep(_SETTLE_SECONDS)


def _tell(
    report: Report, idle: dict[str, Memory], ingested: dict[str, Memory], asked: dict[str, Memory]
) -> None:
    states = (idle, ingested, asked)
    report.listing(
        "MiB of each process and its children",
        ("process", "idle USS", "RSS", "after documents USS", "RSS", "after questions USS", "RSS"),
        [
            (name, *(round(mib) for state in states for mib in (state[name].uss, state[name].rss)))
            for name in idle
        ],
    )
    for name, state in (("idle", idle), ("after questions", asked)):
        total = sum(memory.uss for memory in state.values())
        ours = sum(memory.uss for role, memory in state.items() if role not in _SERVERS)
        report.figure(f"{name}: USS of everything", total, unit="MiB")
        report.figure(f"{name}: USS of gateway and workers", ours, unit="MiB")


_SERVERS = frozenset({"kafka", "postgres"})


if __name__ == "__main__":
    benchmark("memory", measure)
