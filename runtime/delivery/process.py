"""A worker as a process: it starts, serves its health, works, and stops in order."""

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial

import structlog
from aiokafka.errors import KafkaError

from contracts.errors import BrokerUnavailable, RaglineError
from contracts.topics import REPLAYED, replay_topic, retry_group, retry_topics
from runtime.clock import Clock, SystemClock
from runtime.delivery.broker import Reading, create_broker
from runtime.delivery.intake import Intake
from runtime.delivery.limit import ReleaseLimit
from runtime.delivery.settle import Settler
from runtime.delivery.subscriber import LaneSubscriber
from runtime.delivery.watchdog import BLOCKED_SECONDS, Watchdog
from runtime.delivery.worker import Worker
from runtime.health import Health, serve_health
from runtime.kafka import KafkaConnection, Publisher

log = structlog.get_logger(__name__)

#: How often the process looks whether it still lives.
WATCH_SECONDS = 1.0
#: Between two tries to reach Kafka at the start.
CONNECT_SECONDS = 2.0
#: To leave the groups and close the connections.
LEAVE_SECONDS = 10.0
#: Between two looks whether live work leaves room for a replay.
QUIET_SECONDS = 0.2
#: Retries get this part of the concurrency, beside the live records.
RETRY_SHARE = 4


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
    #: A process whose event loop stands still for longer ends.
    blocked_seconds: float = BLOCKED_SECONDS


async def run_worker(
    worker: Worker, connection: KafkaConnection, *, probes: Probes, clock: Clock | None = None
) -> None:
    """Work until SIGTERM or SIGINT, then drain, commit and return.

    Raises ``WorkerStuck`` when nothing moves any more; the caller ends the process.
    """
    clock = clock or SystemClock()
    publisher = Publisher(connection, client_id=f"ragline-{worker.consumer_group}", clock=clock)
    settler = Settler(worker, publisher, clock)
    readings = readings_of(worker, settler, clock)
    broker, subscribers = create_broker(worker.consumer_group, connection, settler, readings)
    probes.health.add("kafka", publisher.check)
    probes.health.add("release", partial(_check_limit, settler.limit))
    stopping = _stop_on_signals()
    watchdog = Watchdog(probes.blocked_seconds)
    async with AsyncExitStack() as stack:
        stack.callback(watchdog.stop)
        serving = serve_health(
            probes.health, host=probes.host, port=probes.port, live=partial(_problem, subscribers)
        )
        probes.announce(await stack.enter_async_context(serving))
        stack.push_async_callback(publisher.stop)
        stack.push_async_callback(_stop, subscribers, broker.stop)
        # Watched from the first moment: records are handled before the last group is joined.
        connecting = asyncio.create_task(_connect(worker, broker.start, stopping))
        stack.push_async_callback(_end, connecting)
        await _watch(subscribers, stopping, watchdog, connecting)
    log.info("worker_stopped", group=worker.consumer_group)


def _stop_on_signals() -> asyncio.Event:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    return stopping


async def _connect(
    worker: Worker, start: Callable[[], Awaitable[None]], stopping: asyncio.Event
) -> None:
    """Start the broker, however long Kafka is away; return early when told to stop meanwhile."""
    while not stopping.is_set():
        try:
            await _unless(stopping, start())
        except (KafkaError, OSError, BrokerUnavailable) as error:
            log.warning("kafka_not_reached", reason=type(error).__name__)
            await _wait(stopping, CONNECT_SECONDS)
        else:
            log.info("worker_started", group=worker.consumer_group, topic=worker.topic.name)
            return


async def _unless(stopping: asyncio.Event, work: Awaitable[None]) -> None:
    """Do the work, and break it off when told to stop: joining a group may take minutes."""
    working = asyncio.ensure_future(work)
    told = asyncio.create_task(stopping.wait())
    await asyncio.wait([working, told], return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    if working.done():
        working.result()
    else:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


def readings_of(worker: Worker, settler: Settler, clock: Clock) -> list[Reading]:
    """Return the worker's own topic, and in a group of its own the topics of its retries.

    A worker with another group than that of its name leaves its retries to the one without.
    """
    delays = retry_topics(worker.name)
    live = Intake(worker, settler, clock, group=worker.consumer_group)
    reading = Reading(group=worker.consumer_group, topics=[worker.topic.name], intake=live)
    if worker.group is not None:
        return [reading]
    settler.behind_live = partial(_until_quiet, live, worker.concurrency)
    few = replace(worker, concurrency=max(1, worker.concurrency // RETRY_SHARE))
    group = retry_group(worker.name)
    retries = Intake(few, settler, clock, group=group, delays=delays)
    return [
        reading,
        Reading(group=group, topics=[*delays, *_replays(worker)], intake=retries),
    ]


def _replays(worker: Worker) -> list[str]:
    return [replay_topic(worker.name)] if worker.name in REPLAYED else []


async def _until_quiet(live: Intake, few: int) -> None:
    """Return when hardly any live record waits."""
    while live.backlog > few:  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(QUIET_SECONDS)


async def _check_limit(limit: ReleaseLimit) -> None:
    if limit.problem:
        raise RaglineError(limit.problem)


def _problem(subscribers: Sequence[LaneSubscriber]) -> str | None:
    """Return why this process is stuck, None while it lives."""
    for subscriber in subscribers:
        if problem := subscriber.intake.problem() or subscriber.problem():
            return problem
    return None


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _watch(
    subscribers: Sequence[LaneSubscriber],
    stopping: asyncio.Event,
    watchdog: Watchdog,
    connecting: asyncio.Task[None],
) -> None:
    while not stopping.is_set():
        watchdog.feed()
        await _wait(stopping, WATCH_SECONDS)
        if connecting.done():
            connecting.result()  # what broke it off, if anything did
        problem = _problem(subscribers)
        if problem and not stopping.is_set():
            raise WorkerStuck(problem)


async def _stop(
    subscribers: Sequence[LaneSubscriber], stop_broker: Callable[[], Awaitable[None]]
) -> None:
    """Read no more, drain, commit, and only then leave the groups."""
    try:
        await asyncio.gather(*(subscriber.stop_reading() for subscriber in subscribers))
        await asyncio.gather(*(subscriber.intake.drain() for subscriber in subscribers))
    finally:
        # Without Kafka it cannot be left; the others learn of it by the session's end.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_SECONDS):
                await stop_broker()


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
