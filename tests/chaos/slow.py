"""One slow record, and how much later the records of other keys are for it.

``python -m tests.chaos.slow --seconds 60``
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from contracts.conversations import AnswerGiven
from contracts.envelope import Outgoing
from runtime.embedded import EmbeddedKafka
from tests.chaos.report import Report
from tests.integration.delivery.conftest import Bench, opened, until

#: Between two records of other keys, and how long a prompt one takes.
PACE_SECONDS = 0.05
PROMPT_SECONDS = 0.005
MOST_MILLISECONDS = 1000
SLOW = 0


@dataclass
class Delays:
    """What happened to the records of other keys while one was slow."""

    seconds: list[float] = field(default_factory=list[float])
    #: How long the slow record took.
    slow: float = 0.0

    @property
    def longest(self) -> float:
        """From sending to the end of its work, the longest of all."""
        return max(self.seconds)


async def delays(bench: Bench, seconds: float) -> Delays:
    """Send records of many keys, in every partition, while one takes ``seconds``."""
    sent: dict[int, float] = {}
    found = Delays()

    async def handle(given: AnswerGiven) -> Sequence[Outgoing]:
        number, began = given.generation, time.monotonic()
        await asyncio.sleep(seconds if number == SLOW else PROMPT_SECONDS)
        if number == SLOW:
            found.slow = time.monotonic() - began
        else:
            found.seconds.append(time.monotonic() - sent[number])
        return ()

    async with bench.running(bench.worker(handle)) as intake:
        await bench.send(SLOW)
        await until(lambda: intake.open_records == 1)
        number = SLOW
        while not found.slow:
            number += 1
            sent[number] = time.monotonic()
            await bench.send(number)
            await asyncio.sleep(PACE_SECONDS)
        await until(lambda: len(found.seconds) == number)
    return found


async def run(seconds: float, folder: Path) -> Report:
    """Measure on a broker of its own."""
    async with EmbeddedKafka(folder / "kafka") as kafka:
        report = Report(f"slow record: {seconds:g} s")
        async with opened(kafka.bootstrap_servers) as bench:
            found = await delays(bench, seconds)
    report.say("records of other keys meanwhile", len(found.seconds))
    report.say("slow record, milliseconds", round(found.slow * 1000))
    report.say("longest delay of another key, milliseconds", round(found.longest * 1000))
    report.none(
        f"delays over {MOST_MILLISECONDS} ms",
        [delay for delay in found.seconds if delay * 1000 > MOST_MILLISECONDS],
    )
    return report.end()


def main() -> int:
    """Run as asked on the command line; 1 when a promise was broken."""
    parser = argparse.ArgumentParser(description="Measure what a slow record does to other keys.")
    parser.add_argument("--seconds", type=float, default=60.0)
    folder = Path(tempfile.mkdtemp(prefix="ragline-chaos-"))
    report = asyncio.run(run(parser.parse_args().seconds, folder))
    shutil.rmtree(folder)
    sys.stdout.write(report.text())
    return report.status


if __name__ == "__main__":
    sys.exit(main())
