"""From an upload to a searchable document: ``python -m benchmarks.upload``.

PDFs of 1 and of 100 pages. Each is new and alone in the pipeline; the local twins parse and embed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from time import perf_counter
from typing import Any

from benchmarks.client import Client
from benchmarks.corpus import pdf_file
from benchmarks.report import Report, benchmark
from benchmarks.stack import running_machine, scratch_folder

#: Uploads are to be accepted and processed within these seconds, on average.
_ACCEPTED_SECONDS, _INDEXED_SECONDS = 30, 60


@dataclass(frozen=True)
class Way:
    """Seconds of one document since its upload began, and what they passed with."""

    #: Until the API had stored the file and answered.
    accepted: float
    #: Until the document could be searched.
    indexed: float
    #: Until the client, which follows the job's events, knew.
    told: float
    #: From the stage's beginning to its end, and before it since the end of the one before.
    stages: dict[str, float]
    chunks: int


async def measure(report: Report) -> None:
    """Upload PDFs of 1 and of 100 pages, one after another."""
    with scratch_folder() as folder:
        async with running_machine(folder) as machine:
            headers = await machine.log_in()
            async with Client(machine.url, headers) as client:
                await _way(client, "warm-up.pdf", pdf_file(1, 1))
                small = await _ways(client, pages=1, times=report.size(15, 3))
                large = await _ways(client, pages=100, times=report.size(5, 1))
    _tell(report, "1 page", small)
    _tell(report, "100 pages", large)
    report.figure(
        "100 pages / 1 page, upload to indexed",
        median(way.indexed for way in large) / median(way.indexed for way in small),
    )


async def _ways(client: Client, *, pages: int, times: int) -> list[Way]:
    files = [pdf_file(1000 * pages + number, pages) for number in range(times)]
    return [
        await _way(client, f"{pages}-{number}.pdf", content) for number, content in enumerate(files)
    ]


async def _way(client: Client, name: str, content: bytes) -> Way:
    began = perf_counter()
    job_id = (await client.upload(name, content))["job_id"]
    accepted = perf_counter() - began
    job = await client.followed(job_id)
    told = perf_counter() - began
    stages = _stages(job)
    # The job's row is as old as the answer to the upload.
    return Way(accepted, accepted + sum(stages.values()), told, stages, job["chunks"])


def _stages(job: dict[str, Any]) -> dict[str, float]:
    seconds: dict[str, float] = {}
    before = datetime.fromisoformat(job["created_at"])
    for stage in job["stages"]:
        begun, ended = (datetime.fromisoformat(stage[key]) for key in ("started_at", "finished_at"))
        seconds[f"before {stage['name']}"] = (begun - before).total_seconds()
        seconds[stage["name"]] = (ended - begun).total_seconds()
        before = ended
    return seconds


def _tell(report: Report, size: str, ways: Sequence[Way]) -> None:
    accepted, indexed, told = (
        median(getattr(way, name) for way in ways) for name in ("accepted", "indexed", "told")
    )
    report.figure(f"{size}: accepted, median", accepted, unit="s", most=_ACCEPTED_SECONDS)
    report.figure(f"{size}: indexed, median", indexed, unit="s", most=_INDEXED_SECONDS)
    report.figure(f"{size}: the client knows, median", told, unit="s", most=_INDEXED_SECONDS)
    slowest = max(way.told for way in ways)
    report.figure(f"{size}: the client knows, slowest of {len(ways)}", slowest, unit="s")
    parts = {part: median(way.stages[part] for way in ways) for part in ways[0].stages}
    parts = {"upload": accepted, **parts, "until the client knows": told - indexed}
    report.listing(
        f"{size} ({ways[0].chunks} chunks): where the time goes, medians",
        ("part", "seconds", "% of the way"),
        [(part, seconds, 100 * seconds / told) for part, seconds in parts.items()],
    )


if __name__ == "__main__":
    benchmark("upload", measure)
