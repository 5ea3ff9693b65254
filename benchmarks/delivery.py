"""What delivery costs and what it brings: ``python -m benchmarks.delivery``.

* lanes: records of 20 keys in one partition, each 2.5 ms of waiting, read by a worker as it is
  (at least once, in order per key) and by FastStream as it comes: one at a time, by
  ``max_workers``, and by batches whose records are handled together. The last two keep no order,
  and all three lose what was under way when the process dies.
* paced: the same readers while records come one after the other, half as many as one at a time
  could do: from the acknowledgement of a record to the end of its handler.
* cost: processor time of a record whose handler does nothing, against aiokafka alone.
* a stop: from SIGTERM to the end of a worker with records in work.
* a hop: from before ``publish`` to the first line of the handler, against aiokafka alone; both
  await the acknowledgement of all replicas.
"""

import asyncio
import os
import signal
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from statistics import median
from time import perf_counter, process_time

from aiokafka import AIOKafkaProducer

from benchmarks.readers import (
    AT_ONCE,
    Reader,
    outgoing,
    read_by_aiokafka,
    read_by_batches,
    read_by_max_workers,
    read_by_worker,
    read_one_at_a_time,
    value_of,
)
from benchmarks.report import Report, benchmark, percentiles
from benchmarks.stack import scratch_folder
from contracts.conversations import AnswerGiven
from contracts.topics import HOUR, TOPICS, Topic
from runtime.embedded import EmbeddedKafka
from runtime.kafka import KafkaConnection, Publisher, TopicAdmin

_HANDLER_SECONDS = 0.0025
#: Between two hops: each meets an idle consumer, as most records of a quiet hour do.
_HOP_PAUSE_SECONDS = 0.005
#: Between two paced records.
_PACE_SECONDS = 0.008
#: Of a record that is in work when the worker is told to stop.
_STOP_HANDLER_SECONDS = 0.2
_TURNS = 4
_MOST_SECONDS = 120

_READERS: dict[str, Reader] = {
    "worker": read_by_worker,
    "one at a time": read_one_at_a_time,
    f"max_workers={AT_ONCE}": read_by_max_workers,
    f"batches of {AT_ONCE}": read_by_batches,
}

Publish = Callable[[Topic, int], Awaitable[object]]


async def measure(report: Report) -> None:
    """Measure lanes, then hops, on a Kafka of their own."""
    with scratch_folder() as folder:
        async with EmbeddedKafka(folder) as kafka:
            servers = kafka.bootstrap_servers
            async with TopicAdmin(KafkaConnection(servers=servers)) as admin:
                await admin.apply(TOPICS, replication=1, partitions_cap=1)
            await _lanes(report, servers)
            await _paced(report, servers)
            await _cost(report, servers)
            await _stops(report, servers)
            await _hops(report, servers)


async def _lanes(report: Report, servers: str) -> None:
    """Let the readers take turns, so that a busy machine slows all of them."""
    count = report.size(3000, 400)
    rates: dict[str, list[float]] = defaultdict(list)
    spent: dict[str, list[float]] = defaultdict(list)
    for _ in range(report.size(_TURNS, 1)):
        for name, reader in _READERS.items():
            records = count // 5 if reader is read_one_at_a_time else count
            rate, cpu = await _rate(servers, reader, records, seconds=_HANDLER_SECONDS)
            rates[name].append(rate)
            spent[name].append(1e6 * cpu)
    report.listing(
        f"{count:,} records of {AT_ONCE} keys in one partition, {1e3 * _HANDLER_SECONDS} ms each",
        ("reader", "records/s", "CPU µs per record"),
        [(name, median(rates[name]), median(spent[name])) for name in _READERS],
    )
    worker, alone, workers, batches = (median(rates[name]) for name in _READERS)
    report.figure("records/s, worker / one at a time", worker / alone, least=10)
    report.figure(f"records/s, worker / max_workers={AT_ONCE}", worker / workers)
    report.figure(f"records/s, worker / batches of {AT_ONCE}", worker / batches, least=0.8)


async def _rate(servers: str, reader: Reader, count: int, *, seconds: float) -> tuple[float, float]:
    """Return records a second, and processor seconds a record, from the first to the last."""
    topic = await _filled_topic(servers, count)
    began = cpu = 0.0
    seen, done = 0, asyncio.Event()

    async def handle(_: int) -> None:
        nonlocal began, cpu, seen
        if not seen:
            began, cpu = perf_counter(), process_time()
        seen += 1
        if seconds:
            await asyncio.sleep(seconds)
        if seen >= count:
            done.set()

    async with asyncio.timeout(_MOST_SECONDS), reader(servers, topic, handle):
        await done.wait()
        ended, spent = perf_counter(), process_time() - cpu
    return count / (ended - began), spent / count


async def _paced(report: Report, servers: str) -> None:
    """Measure how long a record takes while the readers could do more."""
    each = report.size(250, 25)
    took: dict[str, list[float]] = defaultdict(list)
    publisher = Publisher(KafkaConnection(servers=servers), client_id="benchmark")
    for _ in range(report.size(_TURNS, 1)):
        for name, reader in _READERS.items():
            took[name] += await _paced_seconds(servers, reader, publisher, each)
    await publisher.stop()
    rows = {name: [1e3 * second for second in percentiles(took[name])] for name in _READERS}
    report.listing(
        f"{len(took['worker']):,} records, one each {1e3 * _PACE_SECONDS:.0f} ms, ms to their end",
        ("reader", "p50", "p95", "p99"),
        [(name, *values) for name, values in rows.items()],
    )
    report.figure("p99, worker / one at a time", rows["worker"][2] / rows["one at a time"][2])


async def _paced_seconds(
    servers: str, reader: Reader, publisher: Publisher, count: int
) -> list[float]:
    topic = await _filled_topic(servers, 1)
    sent: dict[int, float] = {}
    took: list[float] = []
    first, done = asyncio.Event(), asyncio.Event()

    async def handle(number: int) -> None:
        first.set()
        await asyncio.sleep(_HANDLER_SECONDS)
        if number in sent:
            took.append(perf_counter() - sent[number])
        if len(took) == count:
            done.set()

    async with asyncio.timeout(_MOST_SECONDS), reader(servers, topic, handle):
        await first.wait()
        for number in range(1, count + 1):
            sent[number] = perf_counter()
            await publisher.publish(outgoing(topic, number))
            await asyncio.sleep(_PACE_SECONDS)
        await done.wait()
    return took


async def _cost(report: Report, servers: str) -> None:
    """Compare the processor time of a record that needs no work."""
    count = report.size(5000, 500)
    ways = {"worker": read_by_worker, "aiokafka": read_by_aiokafka}
    spent: dict[str, list[float]] = defaultdict(list)
    for _ in range(report.size(_TURNS, 1)):
        for name, reader in ways.items():
            spent[name].append(1e6 * (await _rate(servers, reader, count, seconds=0))[1])
    rows = [(name, median(spent[name])) for name in ways]
    report.listing(f"{count:,} records without work", ("reader", "CPU µs per record"), rows)
    report.figure("CPU µs per record over aiokafka", rows[0][1] - rows[1][1])


async def _stops(report: Report, servers: str) -> None:
    """Stop workers in the middle of their work, with more waiting."""
    took = [await _stop_seconds(servers) for _ in range(report.size(2 * _TURNS, 2))]
    report.listing(
        f"{len(took)} stops, {AT_ONCE} records of {1e3 * _STOP_HANDLER_SECONDS:.0f} ms in work",
        ("", "ms"),
        [("median", 1e3 * median(took)), ("longest", 1e3 * max(took))],
    )
    report.figure("drain and stop / one record", median(took) / _STOP_HANDLER_SECONDS)


async def _stop_seconds(servers: str) -> float:
    topic = await _filled_topic(servers, 10 * AT_ONCE)
    in_work, began = 0, asyncio.Event()

    async def handle(_: int) -> None:
        nonlocal in_work
        in_work += 1
        if in_work == AT_ONCE:
            began.set()
        await asyncio.sleep(_STOP_HANDLER_SECONDS)

    async with asyncio.timeout(_MOST_SECONDS), read_by_worker(servers, topic, handle) as running:
        await began.wait()
        told = perf_counter()
        os.kill(os.getpid(), signal.SIGTERM)
        await running
        return perf_counter() - told


async def _hops(report: Report, servers: str) -> None:
    """Measure both in turns, so that a busy machine slows both."""
    each = report.size(250, 25)
    ours: list[float] = []
    bare: list[float] = []
    publisher = Publisher(KafkaConnection(servers=servers), client_id="benchmark")
    producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all")
    await producer.start()

    async def publish_bare(topic: Topic, number: int) -> None:
        await (await producer.send(topic.name, value_of(number, topic), key=b"key"))

    async def publish(topic: Topic, number: int) -> None:
        await publisher.publish(outgoing(topic, number))

    for _ in range(_TURNS):
        bare += await _hop_seconds(servers, read_by_aiokafka, publish_bare, each)
        ours += await _hop_seconds(servers, read_by_worker, publish, each)
    await producer.stop()
    await publisher.stop()
    _tell_hops(report, ours, bare)


async def _hop_seconds(servers: str, reader: Reader, publish: Publish, count: int) -> list[float]:
    topic = await _filled_topic(servers, 1)
    sent: dict[int, float] = {}
    took: list[float] = []
    arrived = asyncio.Event()

    async def handle(number: int) -> None:
        if number in sent:
            took.append(perf_counter() - sent[number])
        arrived.set()

    async with asyncio.timeout(_MOST_SECONDS), reader(servers, topic, handle):
        await arrived.wait()  # the one that was there before: the reader has its place
        for number in range(1, count + 1):
            arrived.clear()
            sent[number] = perf_counter()
            await publish(topic, number)
            await arrived.wait()
            await asyncio.sleep(_HOP_PAUSE_SECONDS)
    return took


def _tell_hops(report: Report, ours: Sequence[float], bare: Sequence[float]) -> None:
    rows = {
        "worker": [1e3 * seconds for seconds in percentiles(ours)],
        "aiokafka": [1e3 * seconds for seconds in percentiles(bare)],
    }
    report.listing(
        f"{len(ours):,} hops, ms from publish to handler",
        ("way", "p50", "p95", "p99"),
        [(name, *values) for name, values in rows.items()],
    )
    for place, name in ((0, "p50"), (2, "p99")):
        ratio = rows["worker"][place] / rows["aiokafka"][place]
        report.figure(f"hop {name}, worker / aiokafka", ratio, most=2)


async def _filled_topic(servers: str, count: int) -> Topic:
    """Return a new topic of one partition that holds so many records, numbered from 0."""
    topic = Topic(
        name=f"benchmark-{uuid.uuid4().hex[:8]}",
        key="one of 20",
        partitions=1,
        cleanup="delete",
        retention_ms=HOUR,
        owner="benchmark",
        consumers=(),
        events=(AnswerGiven,),
    )
    connection = KafkaConnection(servers=servers)
    async with TopicAdmin(connection) as admin:
        await admin.apply([topic], replication=1, partitions_cap=1)
    publisher = Publisher(connection, client_id="benchmark")
    await asyncio.gather(*(publisher.publish(outgoing(topic, number)) for number in range(count)))
    await publisher.stop()
    return topic


if __name__ == "__main__":
    benchmark("delivery", measure)
