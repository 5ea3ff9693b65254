"""Ways to read a topic, each calling ``handle`` with the number of every record."""

import asyncio
import signal
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer
from faststream.kafka import KafkaBroker

from contracts.codec import encode
from contracts.conversations import AnswerGiven, Usage
from contracts.envelope import Outgoing
from contracts.ids import ConversationId, TenantId, TurnId, event_id
from contracts.topics import Topic
from runtime.delivery import Failure, Probes, Worker, run_worker
from runtime.health import Health
from runtime.kafka import KafkaConnection

Handle = Callable[[int], Awaitable[None]]
#: Reads from the topic's beginning while the context is open.
Reader = Callable[[str, Topic, Handle], AbstractAsyncContextManager[object]]

#: Records in work at the same time, where a reader can do that.
AT_ONCE = 20

_TENANT = TenantId(uuid.UUID(int=1))
_CONVERSATION = ConversationId(uuid.UUID(int=2))


def outgoing(topic: Topic, number: int) -> Outgoing:
    """Return an event that carries a number, with one of 20 keys."""
    event = AnswerGiven(
        tenant_id=_TENANT,
        conversation_id=_CONVERSATION,
        turn_id=TurnId(uuid.UUID(int=number)),
        model="m",
        finish_reason="stop",
        usage=Usage(),
        generation=number,
    )
    return Outgoing(
        topic=topic,
        key=f"key-{number % AT_ONCE}",
        tenant_id=_TENANT,
        event=event,
        event_id=event_id("benchmark", number),
    )


def value_of(number: int, topic: Topic) -> bytes:
    """Return the event as it is in its record."""
    event = outgoing(topic, number).event
    return b"" if event is None else encode(event)


def number_in(value: bytes) -> int:
    """Return the number of the event in a record."""
    number: int = msgspec.json.decode(value)["generation"]
    return number


@asynccontextmanager
async def read_by_worker(
    servers: str, topic: Topic, handle: Handle
) -> AsyncGenerator[asyncio.Task[None]]:
    """Read as a worker of the product does: at least once, in order per key.

    Yields the worker, which ends by itself at SIGTERM.
    """

    async def work(event: AnswerGiven) -> Sequence[Outgoing]:
        await handle(event.generation)
        return ()

    async def give_up(_: object, failure: Failure) -> Sequence[Outgoing]:
        raise RuntimeError(failure.message)

    worker = Worker(name="parser", topic=topic, concurrency=AT_ONCE, handle=work, give_up=give_up)
    probes = Probes(health=Health(), host="127.0.0.1", port=0, announce=lambda _: None)
    running = asyncio.create_task(
        run_worker(worker, KafkaConnection(servers=servers), probes=probes)
    )
    try:
        yield running
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        for number in (signal.SIGTERM, signal.SIGINT):  # Ctrl-C is ours again
            asyncio.get_running_loop().remove_signal_handler(number)


@asynccontextmanager
async def read_one_at_a_time(servers: str, topic: Topic, handle: Handle) -> AsyncGenerator[None]:
    """Read with FastStream as it comes: at most once."""
    async with _faststream(servers, topic, handle):
        yield


@asynccontextmanager
async def read_by_max_workers(servers: str, topic: Topic, handle: Handle) -> AsyncGenerator[None]:
    """Read with FastStream's `max_workers`: at most once, in no order."""
    async with _faststream(servers, topic, handle, max_workers=AT_ONCE):
        yield


@asynccontextmanager
async def read_by_batches(servers: str, topic: Topic, handle: Handle) -> AsyncGenerator[None]:
    """Read with FastStream's `batch=True`, a whole batch at once: at most once, in no order."""

    async def together(numbers: list[int]) -> None:
        await asyncio.gather(*map(handle, numbers))

    async with _faststream(servers, topic, together, batch=True, max_records=AT_ONCE):
        yield


@asynccontextmanager
async def read_by_aiokafka(servers: str, topic: Topic, handle: Handle) -> AsyncGenerator[None]:
    """Read with aiokafka alone, in a group, committing every few seconds."""
    consumer = AIOKafkaConsumer(
        topic.name,
        bootstrap_servers=servers,
        group_id="bare",
        auto_offset_reset="earliest",
        enable_auto_commit=True,
    )

    async def read() -> None:
        while True:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    await handle(number_in(record.value or b""))

    await consumer.start()
    reading = asyncio.create_task(read())
    try:
        yield
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await consumer.stop()


@asynccontextmanager
async def _faststream(
    servers: str, topic: Topic, handle: Callable[[Any], Awaitable[None]], **options: Any
) -> AsyncGenerator[None]:
    broker: Any = KafkaBroker(servers, logger=None, apply_types=False)
    options |= {"group_id": "faststream", "auto_offset_reset": "earliest"}

    async def work(message: Any) -> None:
        if options.get("batch"):
            await handle([one["generation"] for one in message])
        else:
            await handle(message["generation"])

    broker.subscriber(topic.name, **options)(work)
    await broker.start()
    try:
        yield
    finally:
        await broker.stop()
