"""Workers of the tests' own, on the real broker."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest
import pytest_asyncio

from contracts.conversations import AnswerGiven, Usage
from contracts.envelope import Outgoing
from contracts.ids import ConversationId, TenantId, TurnId, event_id
from contracts.topics import HOUR, Topic, WorkerName, retry_topics
from runtime.clock import SystemClock
from runtime.delivery import Failure, Worker
from runtime.delivery.broker import create_broker
from runtime.delivery.intake import Intake
from runtime.delivery.process import readings_of
from runtime.delivery.settle import Settler
from runtime.delivery.subscriber import LaneSubscriber
from runtime.embedded import EmbeddedKafka
from runtime.kafka import KafkaConnection, Publisher, TopicAdmin


def event(number: int) -> AnswerGiven:
    """Return an event that carries a number."""
    return AnswerGiven(
        tenant_id=TenantId(uuid.UUID(int=1)),
        conversation_id=ConversationId(uuid.UUID(int=2)),
        turn_id=TurnId(uuid.UUID(int=number)),
        model="m",
        finish_reason="stop",
        usage=Usage(),
        generation=number,
    )


@dataclass
class Bench:
    """A topic, a group, and what its workers did."""

    connection: KafkaConnection
    publisher: Publisher
    name: str
    topic: Topic
    handled: list[int] = field(default_factory=list)
    given_up: list[tuple[int, Failure]] = field(default_factory=list)
    #: Of the worker that was started last.
    subscribers: list[LaneSubscriber] = field(default_factory=list[LaneSubscriber])

    async def send(self, number: int, *, key: str | None = None) -> None:
        await self.publisher.publish(
            Outgoing(
                topic=self.topic,
                key=key if key is not None else str(number),
                tenant_id=TenantId(uuid.UUID(int=1)),
                event=event(number),
                event_id=event_id(number),
            )
        )

    async def handle(self, given: AnswerGiven) -> Sequence[Outgoing]:
        self.handled.append(given.generation)
        return ()

    async def give_up(self, given: AnswerGiven, failure: Failure) -> Sequence[Outgoing]:
        self.given_up.append((given.generation, failure))
        return ()

    def worker(self, handle: Any = None, *, concurrency: int = 8) -> Worker:
        return Worker(
            name=cast("WorkerName", self.name),
            topic=self.topic,
            concurrency=concurrency,
            handle=handle or self.handle,
            give_up=self.give_up,
            drain_seconds=10,
        )

    @asynccontextmanager
    async def running(self, worker: Worker, *, orderly: bool = True) -> AsyncGenerator[Intake]:
        clock = SystemClock()
        publisher = Publisher(self.connection, client_id="test")
        settler = Settler(worker, publisher, clock)
        readings = readings_of(worker, settler, clock)
        broker, subscribers = create_broker(worker.name, self.connection, settler, readings)
        self.subscribers = subscribers
        await broker.start()
        try:
            yield readings[0].intake
        finally:
            if orderly:
                for subscriber in subscribers:
                    await subscriber.stop_reading()
                    await subscriber.intake.drain()
            await broker.stop()
            await publisher.stop()

    async def committed(self) -> int:
        async with TopicAdmin(self.connection) as admin:
            return sum((await admin.lag(self.name, self.topic.name)).values())


async def until(condition: Any, *, seconds: float = 20) -> None:
    """Wait until the condition holds; fail when it does not in time."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@pytest_asyncio.fixture
async def bench(kafka_server: EmbeddedKafka) -> AsyncIterator[Bench]:
    async with opened(kafka_server.bootstrap_servers) as bench:
        yield bench


@asynccontextmanager
async def opened(servers: str) -> AsyncGenerator[Bench]:
    """Yield a bench with topics of its own."""
    connection = KafkaConnection(servers=servers)
    name = f"test-{uuid.uuid4().hex[:8]}"
    topics = [
        Topic(
            name=topic,
            key="any",
            partitions=2,
            cleanup="delete",
            retention_ms=HOUR,
            owner="test",
            consumers=(),
            events=(AnswerGiven,),
        )
        for topic in (f"{name}.in", f"{name}.dlq.v1")
    ]
    topics += [
        replace(topics[0], name=topic, partitions=1, stamped_by_broker=True)
        for topic in retry_topics(name)
    ]
    async with TopicAdmin(connection) as admin:
        await admin.apply(topics, replication=1, partitions_cap=None)
    publisher = Publisher(connection, client_id="test")
    yield Bench(connection, publisher, name, topics[0])
    await publisher.stop()


@pytest.fixture
def dead_letters(bench: Bench) -> str:
    return f"{bench.name}.dlq.v1"
