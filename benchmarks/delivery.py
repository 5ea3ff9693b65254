"""What delivery costs and what it brings: ``python -m benchmarks.delivery``.

* lanes: records of 20 keys in one partition, each 2.5 ms of waiting, read by a worker as it is
  (at least once, in order per key) and by FastStream as it comes: one at a time, by
  ``max_workers``, and by batches whose records are handled together. The last two keep no order,
  and all three lose what was under way when the process dies.
* a hop: from before ``publish`` to the first line of the handler, against aiokafka alone; both
  await the acknowledgement of all replicas.
"""

import asyncio
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
            await _hops(report, servers)


async def _lanes(report: Report, servers: str) -> None:
    """Let the readers take turns, so that a busy machine slows all of them."""
    count = report.size(3000, 400)
    rates: dict[str, list[float]] = defaultdict(list)
    spent: dict[str, list[float]] = defaultdict(list)
    for _ in range(report.size(_TURNS, 1)):
        for name, reader in _READERS.items():
            records = count // 5 if reader is read_one_at_a_time else count
            rate, cpu = await _rate(servers, reader, records)
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


async def _rate(servers: str, reader: Reader, count: int) -> tuple[float, float]:
    """Return records a second, and processor seconds a record, from the first to the last."""
    topic = await _filled_topic(servers, count)
    began = cpu = 0.0
    seen, done = 0, asyncio.Event()

    async def handle(_: int) -> None:
        nonlocal began, cpu, seen
        if not seen:
            began, cpu = perf_counter(), process_time()
        seen += 1
        await asyncio.sleep(_HANDLER_SECONDS)
        if seen >= count:
            done.set()

    async with asyncio.timeout(_MOST_SECONDS), reader(servers, topic, handle):
        await done.wait()
        ended, spent = perf_counter(), process_time() - cpu
    return count / (ended - began), spent / count


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
