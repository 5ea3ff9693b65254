"""How fast another generation is built, and what that costs live uploads.

``python -m benchmarks.rebuild``: files go in once, then the log is read into a generation of
other chunks, so that every text is split and embedded anew: first by itself, and then into a third
one while single uploads go in. Their time from the request to `indexed` is compared with that of an
idle machine in the same run.
"""

import asyncio
from time import perf_counter
from typing import Any

from benchmarks.client import Client
from benchmarks.corpus import text_file
from benchmarks.report import Report, benchmark, percentile
from benchmarks.stack import Machine, running_machine, scratch_folder

_PATH = "/api/v2/admin/generations"
_CLIENTS = 8
_SIZE = 4096
_LOOK_SECONDS = 0.1
#: No run takes longer than this.
_MOST_SECONDS = 900


async def measure(report: Report) -> None:
    """Ingest, build, and build again under live uploads."""
    count, live = report.size(400, 40), report.size(30, 8)
    with scratch_folder() as folder:
        async with running_machine(folder) as machine:
            headers = await machine.log_in()
            async with Client(machine.url, headers) as client:
                await _ingest(machine, headers, 20, seed=900_000)  # everything loaded
                first = await _ingest(machine, headers, count, seed=0)
                idle = [await _latency(client, 700_000 + number) for number in range(live)]
                built, seconds = await _build(client, "sentence_4")
                busy = await _latencies_during(client, "sentence_3", 800_000)
    documents = int(built["documents"])
    report.figure("first ingestion: documents/s", count / first)
    report.figure("build: documents/s, from the order to the last document", documents / seconds)
    report.figure("build: chunks/s", int(built["chunks"]) / seconds)
    report.figure("documents/s, build / first ingestion", (documents / seconds) / (count / first))
    report.figure("upload to indexed, idle: p95 seconds", percentile(idle, 95))
    report.figure("upload to indexed, during a build: p95 seconds", percentile(busy, 95))
    report.figure(
        "upload to indexed: p95, during a build / idle",
        percentile(busy, 95) / percentile(idle, 95),
        most=1.5,
    )


async def _ingest(machine: Machine, headers: dict[str, str], count: int, *, seed: int) -> float:
    """Upload files and return the seconds until all of them are indexed."""
    began = perf_counter()
    numbers = iter(range(seed, seed + count))

    async def send() -> None:
        async with Client(machine.url, headers) as client:
            for number in numbers:
                await client.index(f"{number}.txt", text_file(number, _SIZE))

    async with asyncio.timeout(_MOST_SECONDS):
        await asyncio.gather(*(send() for _ in range(_CLIENTS)))
    return perf_counter() - began


async def _latency(client: Client, number: int) -> float:
    began = perf_counter()
    await client.index(f"{number}.txt", text_file(number, _SIZE))
    return perf_counter() - began


async def _order(client: Client, chunking: str) -> int:
    made = (await client.post(_PATH, {"chunking": chunking})).json()
    return int(made["generation_id"])


async def _build(client: Client, chunking: str) -> tuple[dict[str, Any], float]:
    """Build a generation; return it and the seconds until it had every document."""
    began = perf_counter()
    number = await _order(client, chunking)
    async with asyncio.timeout(_MOST_SECONDS):
        while True:
            found: dict[str, Any] = (await client.get(f"{_PATH}/{number}")).json()
            if found["documents"] >= found["documents_total"]:
                return found, perf_counter() - began
            await asyncio.sleep(_LOOK_SECONDS)


async def _latencies_during(client: Client, chunking: str, seed: int) -> list[float]:
    """Upload one file after the other for as long as a generation is being built."""
    number, found = await _order(client, chunking), list[float]()
    async with asyncio.timeout(_MOST_SECONDS):
        while (await client.get(f"{_PATH}/{number}")).json()["documents"] == 0:  # noqa: ASYNC110 - polls
            await asyncio.sleep(_LOOK_SECONDS)
        while True:
            found.append(await _latency(client, seed + len(found)))
            built = (await client.get(f"{_PATH}/{number}")).json()
            if built["documents"] >= built["documents_total"] - 1 or len(found) >= 60:
                return found
            await asyncio.sleep(0.5)


if __name__ == "__main__":
    benchmark("rebuild", measure)
