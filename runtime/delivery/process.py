"""A worker as a process: it starts, serves its health, works, and stops in order."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

import structlog
from aiokafka.errors import KafkaError

from contracts.errors import BrokerUnavailable
from runtime.clock import Clock, SystemClock
from runtime.delivery.broker import create_broker
from runtime.delivery.intake import Intake
from runtime.delivery.settle import Settler
from runtime.delivery.subscriber import LaneSubscriber
from runtime.delivery.worker import Worker
from runtime.health import Health, serve_health
from runtime.kafka import KafkaConnection, Publisher

log = structlog.get_logger(__name__)

#: How often the process looks whether it still lives.
WATCH_SECONDS = 1.0
#: Between two tries to reach Kafka at the start.
CONNECT_SECONDS = 2.0


class WorkerStuck(Exception):
    """The process can do no more work and ends, so that it is started again."""


@dataclass(frozen=True, kw_only=True)
class Probes:
    """Where ``/livez``, ``/readyz`` and ``/metrics`` are served, and what readiness needs."""

    health: Health
    host: str
    #: 0 takes a free one.
    port: int
    #: Is told the port that was taken.
    announce: Callable[[int], None]


async def run_worker(
    worker: Worker, connection: KafkaConnection, *, probes: Probes, clock: Clock | None = None
) -> None:
    """Work until SIGTERM or SIGINT, then drain, commit and return.

    Raises ``WorkerStuck`` when nothing moves any more; the caller ends the process.
    """
    clock = clock or SystemClock()
    publisher = Publisher(connection, client_id=f"ragline-{worker.name}", clock=clock)
    settler = Settler(worker, publisher, clock)
    intake = Intake(worker, settler, clock)
    broker, subscriber = create_broker(worker, connection, settler, intake)
    probes.health.add("kafka", publisher.check)
    stopping = _stop_on_signals()
    async with AsyncExitStack() as stack:
        serving = serve_health(
            probes.health, host=probes.host, port=probes.port, live=intake.problem
        )
        probes.announce(await stack.enter_async_context(serving))
        stack.push_async_callback(publisher.stop)
        if not await _connect(broker.start, stopping):
            return
        stack.push_async_callback(_stop, subscriber, intake, broker.stop)
        log.info("worker_started", group=worker.name, topic=worker.topic.name)
        await _watch(subscriber, intake, stopping)
    log.info("worker_stopped", group=worker.name)


def _stop_on_signals() -> asyncio.Event:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    return stopping


async def _connect(start: Callable[[], Awaitable[None]], stopping: asyncio.Event) -> bool:
    """Start the broker, however long Kafka is away; False when told to stop meanwhile."""
    while not stopping.is_set():
        try:
            await start()
        except (KafkaError, OSError, BrokerUnavailable) as error:
            log.warning("kafka_not_reached", reason=type(error).__name__)
            await _wait(stopping, CONNECT_SECONDS)
        else:
            return True
    return False


async def _watch(subscriber: LaneSubscriber, intake: Intake, stopping: asyncio.Event) -> None:
    while not stopping.is_set():
        await _wait(stopping, WATCH_SECONDS)
        problem = intake.problem() or subscriber.problem()
        if problem and not stopping.is_set():
            raise WorkerStuck(problem)


async def _stop(
    subscriber: LaneSubscriber, intake: Intake, stop_broker: Callable[[], Awaitable[None]]
) -> None:
    """Read no more, drain, commit, and only then leave the group."""
    await subscriber.stop_reading()
    await intake.drain()
    await stop_broker()


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
