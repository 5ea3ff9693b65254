"""How fast deltas reach clients while answers are spoken: ``python -m benchmarks.chat_streams``.

A scripted model talks at the pace of a fast one: three tokens every 50 ms, in every answer. A
delta's way is timed from the responder's handing it to Kafka (the record's own time) to the
client's socket, by the clock of this one machine. Then three times as many clients come at once.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter, time
from typing import Self

from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.chat import EXAMPLES, QUESTION
from benchmarks.client import Client, Refused
from benchmarks.processes import Processes, spent_since
from benchmarks.report import Report, benchmark, percentile, percentiles
from benchmarks.scripted_model import KEY, MODEL, running_model
from benchmarks.stack import Machine, local_settings, running_machine, scratch_folder
from contracts.codec import decode
from contracts.conversations import Delta
from contracts.topics import CHAT_DELTAS
from runtime.kafka import KafkaConnection

#: Of one answer; together ten seconds of talk.
_PIECES, _PAUSE = 200, 0.05
#: Goal for 100 streams on two cores.
_MANY, _DELTA_MS = 100, 50
_TOO_MANY = 300
#: The responder's; by default it is less, and the last of a hundred would wait for their turn.
_ANSWERS = 128
_MOST_SECONDS = 300

#: A delta's turn, attempt and sequence.
Key = tuple[str, int, int]


@dataclass
class Heard:
    """What one client got."""

    first_token: float = 0.0
    #: When each delta's event was there, in seconds since 1970.
    arrivals: dict[Key, float] = field(default_factory=dict[Key, float])
    #: The status of a refusal.
    refused: int = 0


@dataclass(frozen=True)
class Round:
    """What all clients of a round got, and what it cost."""

    heard: Sequence[Heard]
    #: Milliseconds of each delta's way.
    ways: Sequence[float]
    #: Those of them that were sent when every answer had begun.
    settled: Sequence[float]
    seconds: float
    cpu: Mapping[str, float]


async def measure(report: Report) -> None:
    """Listen with one client, with a hundred, and with three hundred."""
    pieces = report.size(_PIECES, 20)
    with scratch_folder() as folder:
        async with running_model(pieces, _PAUSE) as model:
            settings = local_settings(
                folder,
                openai_base_url=model,
                openai_api_key=KEY,
                chat_model=MODEL,
                embedding_model="wordllama-256",
                worker_concurrency=_ANSWERS,
            )
            async with running_machine(folder, settings) as machine:
                await _measure(report, machine)


async def _measure(report: Report, machine: Machine) -> None:
    headers = await machine.log_in()
    async with Client(machine.url, headers) as client:
        for path in sorted(EXAMPLES.iterdir()):
            await client.index(path.name, path.read_bytes())
    await _round(machine, headers, 2)  # everything loaded
    for clients in (1, report.size(_MANY, 5), report.size(_TOO_MANY, 10)):
        _tell(report, clients, await _round(machine, headers, clients))


async def _round(machine: Machine, headers: dict[str, str], clients: int) -> Round:
    processes = Processes(machine)
    async with _deltas(machine) as log:
        spent, began = processes.cpu_seconds(), perf_counter()
        async with asyncio.timeout(_MOST_SECONDS):
            heard = await asyncio.gather(*(_listen(machine, headers) for _ in range(clients)))
        seconds, cpu = perf_counter() - began, spent_since(spent, processes.cpu_seconds())
        sent = await log.read()
    begun = max(min(one.arrivals.values()) for one in heard if one.arrivals)
    ways = {
        key: 1000 * (arrived - sent[key])
        for one in heard
        for key, arrived in one.arrivals.items()
        if key in sent
    }
    return Round(
        heard=heard,
        ways=list(ways.values()),
        settled=[way for key, way in ways.items() if sent[key] >= begun],
        seconds=seconds,
        cpu=cpu,
    )


async def _listen(machine: Machine, headers: dict[str, str]) -> Heard:
    """Ask in a conversation of its own, and note when each delta came."""
    heard, turn_id, ended = Heard(), "", ""
    began = perf_counter()
    async with Client(machine.url, headers) as client:
        body = {"message": QUESTION, "stream": True}
        try:
            async for name, data, event_id in client.identified_events("POST", "/chat", body):
                arrived, ended = time(), name
                if name == "sources":
                    turn_id = json.loads(data)["turn_id"]
                elif name == "token":
                    heard.first_token = heard.first_token or perf_counter() - began
                    attempt, following, *_ = event_id.split("-")
                    heard.arrivals[turn_id, int(attempt), int(following) - 1] = arrived
        except Refused as refusal:
            heard.refused = refusal.status
            return heard
    if ended != "done":
        raise RuntimeError(f"A stream ended with {ended or 'nothing'}.")
    return heard


class _deltas:  # noqa: N801 - used like a function
    """The deltas that are published from here on, and when each was handed to Kafka."""

    def __init__(self, machine: Machine) -> None:
        self._connection = KafkaConnection.of(machine.settings)
        self._partitions = [
            TopicPartition(CHAT_DELTAS.name, number) for number in range(CHAT_DELTAS.partitions)
        ]

    async def __aenter__(self) -> Self:
        self._consumer = AIOKafkaConsumer(group_id=None, **self._connection.options())
        await self._consumer.start()
        self._consumer.assign(self._partitions)
        self._begin = await self._consumer.end_offsets(self._partitions)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()

    async def read(self) -> dict[Key, float]:
        """Return when each was sent, in seconds since 1970."""
        ends = await self._consumer.end_offsets(self._partitions)
        sent: dict[Key, float] = {}
        for partition, end in ends.items():
            self._consumer.seek(partition, self._begin[partition])
            while self._begin[partition] < end and await self._consumer.position(partition) < end:
                for record in (await self._consumer.getmany(partition, timeout_ms=200)).get(
                    partition, ()
                ):
                    delta: Delta = decode(CHAT_DELTAS, record.value or b"")
                    key = (str(delta.turn_id), delta.attempt, delta.sequence)
                    sent[key] = record.timestamp / 1000
        return sent


def _tell(report: Report, clients: int, ours: Round) -> None:
    name = f"{clients} streams"
    served = [one for one in ours.heard if not one.refused]
    refused = [one.refused for one in ours.heard if one.refused]
    firsts = [1000 * one.first_token for one in served]
    report.listing(
        f"{name}, {len(served)} served, {len(refused)} refused, {len(ours.ways):,} deltas: ms",
        ("what", "p50", "p95", "p99"),
        [
            ("first token", *percentiles(firsts)),
            ("delta, from flush to socket", *percentiles(ours.ways)),
            ("the same, once all answers have begun", *percentiles(ours.settled or [0.0])),
        ],
    )
    report.listing(
        f"{name}: processor use",
        ("process", "% of one core"),
        [(role, 100 * spent / ours.seconds) for role, spent in ours.cpu.items()],
    )
    report.figure(f"{name}: first token, p50", percentile(firsts, 50), unit="ms")
    report.figure(f"{name}: first token, p99", percentile(firsts, 99), unit="ms")
    report.figure(f"{name}: delta, p99", percentile(ours.ways, 99), unit="ms")
    if clients == _MANY:
        settled = percentile(ours.settled, 99)
        report.figure(f"{name}: delta once all have begun, p99", settled, unit="ms", most=_DELTA_MS)
    report.figure(f"{name}: deltas/s", len(ours.ways) / ours.seconds)
    report.figure(f"{name}: refused", len(refused))


if __name__ == "__main__":
    benchmark("chat_streams", measure)
