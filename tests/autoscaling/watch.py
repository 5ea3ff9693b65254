"""Lag and replicas over time, and the picture of them."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

from contracts.topics import INPUTS, WORKERS
from runtime.kafka import TopicAdmin
from tests.autoscaling.cluster import Cluster

SECONDS = 1.0
SVG = "http://www.w3.org/2000/svg"
WIDTH, HEIGHT, LEFT, GAP = 900, 130, 60, 34


@dataclass(frozen=True)
class Sample:
    """What was seen at one moment, in seconds since the start."""

    at: float
    lag: dict[str, int]
    replicas: dict[str, int]


@dataclass
class Watch:
    """Looks every second until it is cancelled."""

    cluster: Cluster
    kafka: TopicAdmin
    samples: list[Sample] = field(default_factory=list[Sample])
    marks: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])
    _began: float = field(default_factory=time.monotonic)

    async def run(self) -> None:
        """Take samples for ever."""
        while True:
            self.samples.append(await self._look())
            await asyncio.sleep(SECONDS)

    def mark(self, what: str) -> None:
        """Note that something begins now."""
        self.marks.append((self._now(), what))

    def most(self, worker: str) -> int:
        """Return the most replicas that a worker had."""
        return max(sample.replicas[worker] for sample in self.samples)

    def most_lag(self, worker: str) -> int:
        """Return the largest lag that a worker had."""
        return max(sample.lag[worker] for sample in self.samples)

    def picture(self) -> str:
        """Return the curves of all workers as SVG."""
        height = len(WORKERS) * (HEIGHT + GAP) + GAP
        size = f'width="{LEFT + WIDTH + 60}" height="{height}"'
        parts = [
            f'<svg xmlns="{SVG}" {size} font-family="sans-serif" font-size="12">',
            f'<rect width="100%" height="{height}" fill="white"/>',
        ]
        for index, worker in enumerate(WORKERS):
            parts += self._chart(worker, GAP + index * (HEIGHT + GAP))
        return "\n".join([*parts, "</svg>\n"])

    def _chart(self, worker: str, top: int) -> list[str]:
        lag = [sample.lag[worker] for sample in self.samples]
        replicas = [sample.replicas[worker] for sample in self.samples]
        most, pods = max(*lag, 1), max(*replicas, 3)
        said = f"{worker}: lag to {most} (blue), replicas to {max(replicas)} (red)"
        frame = f'x="{LEFT}" y="{top}" width="{WIDTH}" height="{HEIGHT}"'
        parts = [
            f'<rect {frame} fill="none" stroke="#ccc"/>',
            f'<text x="{LEFT}" y="{top - 6}" font-weight="bold">{said}</text>',
            self._line(lag, most, top, "#2b6cb0", steps=False),
            self._line(replicas, pods, top, "#c53030", steps=True),
        ]
        for at, what in self.marks:
            x = self._x(at)
            parts.append(
                f'<path d="M{x:.0f} {top}V{top + HEIGHT}" stroke="#999" stroke-dasharray="3"/>'
            )
            if top == GAP:
                parts.append(
                    f'<text x="{x + 3:.0f}" y="{top + 14}" fill="#555">{escape(what)}</text>'
                )
        for number in range(pods + 1):
            y = top + HEIGHT * (1 - number / pods)
            parts.append(
                f'<text x="{LEFT + WIDTH + 6}" y="{y + 4:.0f}" fill="#c53030">{number}</text>'
            )
        parts.append(f'<text x="6" y="{top + 12}" fill="#2b6cb0">{most}</text>')
        return parts

    def _line(self, values: Sequence[int], most: int, top: int, color: str, *, steps: bool) -> str:
        points: list[str] = []
        for sample, value in zip(self.samples, values, strict=True):
            x, y = self._x(sample.at), top + HEIGHT * (1 - value / most)
            if steps and points:
                points.append(f"{x:.1f},{points[-1].split(',')[1]}")
            points.append(f"{x:.1f},{y:.1f}")
        return (
            f'<polyline points="{" ".join(points)}" fill="none" stroke="{color}" stroke-width="2"/>'
        )

    def _x(self, at: float) -> float:
        return LEFT + WIDTH * at / self._length()

    def _length(self) -> float:
        return max(self.samples[-1].at, 1.0)

    def _now(self) -> float:
        return time.monotonic() - self._began

    async def _look(self) -> Sample:
        lags = [self.kafka.lag(worker, INPUTS[worker].name) for worker in WORKERS]
        replicas, *found = await asyncio.gather(self.cluster.replicas(), *lags)
        lag = {worker: sum(one.values()) for worker, one in zip(WORKERS, found, strict=True)}
        return Sample(self._now(), lag, replicas)
