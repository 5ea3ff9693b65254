"""One record from its first try to its end: published on, waiting for later, or a dead letter."""

import asyncio
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any

import structlog
from aiokafka import ConsumerRecord
from opentelemetry.trace import SpanKind
from opentelemetry.util.types import AnyValue

from contracts.codec import decode
from contracts.envelope import Outgoing
from contracts.errors import RaglineError, Retryable, UndecodableEvent
from contracts.topics import dead_letter_topic, replay_topic, retry_topics
from runtime import metrics, telemetry
from runtime.cancelling import is_cancelled
from runtime.clock import Clock
from runtime.delivery.breaker import Breaker
from runtime.delivery.failures import Failure, Obsolete, TryAgain, TryLater, Verdict, judge
from runtime.delivery.headers import History, dead_letter_headers, retry_headers
from runtime.delivery.limit import ReleaseLimit
from runtime.delivery.marks import marked
from runtime.delivery.worker import Worker
from runtime.kafka import Publisher

log = structlog.get_logger(__name__)

NOT_KEPT = "The work could not be put off, because its record is larger than the broker takes."

#: Runs one try through the framework; raises what the handler raised.
Attempt = Callable[[ConsumerRecord], Awaitable[None]]


class Settler:
    """Brings records to an end; ``settle`` returns only when the offset may be committed."""

    def __init__(self, worker: Worker, publisher: Publisher, clock: Clock) -> None:
        self._worker = worker
        self._publisher = publisher
        self._clock = clock
        self._retry_topics = tuple(retry_topics(worker.name))
        #: Stops a bad release; its problem makes the process unready.
        self.limit = ReleaseLimit(clock)
        #: Awaited before what is replayed is tried: live work is first.
        self.behind_live: Callable[[], Awaitable[None]] | None = None
        #: Tasks whose record waits for another try; they hold nothing that a stop would lose.
        self.idle: set[asyncio.Task[Any]] = set()
        #: Holds all tries back while the worker's provider is down.
        self.breaker = Breaker()

    async def settle(self, record: ConsumerRecord, attempt: Attempt) -> None:
        """Try until the record is done, waits elsewhere or is given up."""
        attributes: dict[str, AnyValue] = {
            "messaging.system": "kafka",
            "messaging.destination.name": record.topic,
            "messaging.kafka.offset": record.offset,
        }
        with (
            telemetry.tracer().start_as_current_span(
                f"{self._worker.name} process",
                context=telemetry.extract(_text_headers(record)),
                kind=SpanKind.CONSUMER,
                attributes=attributes,
            ),
            metrics.HANDLER_SECONDS.labels(self._worker.name).time(),
        ):
            await self._until_settled(record, attempt)

    async def give_up(self, record: ConsumerRecord, failure: Failure) -> None:
        """End a record without a try: say why where somebody waits, keep it as a dead letter."""
        await self._give_up(record, failure, History.of(record).attempts)

    async def handle(self, record: ConsumerRecord) -> None:
        """Do one try: decode, work, publish what follows, with every ack awaited."""
        if record.value is None:
            return  # a tombstone: the document's row is already a fence
        event = marked(decode(self._worker.topic, record.value), record, self._worker)
        following = await self._worker.handle(event)
        await self.publish(following)
        if following and self._worker.confirm is not None:
            await self.publish(await self._worker.confirm(event))

    async def publish(self, following: Sequence[Outgoing]) -> None:
        """Publish the events and await all acks; the order of the sequence is kept."""
        await asyncio.gather(*(self._publisher.publish(outgoing) for outgoing in following))

    async def _until_settled(self, record: ConsumerRecord, attempt: Attempt) -> None:
        history, here = History.of(record), 0
        while True:
            with self._idle():
                await self.limit.admit()
                await self.breaker.admit()
                if here == 0:
                    await self._admitted(record)
            here += 1
            verdict = await self._try(record, attempt, here, history.level)
            match verdict:
                case None:
                    self._count("done")
                    return
                case TryAgain():
                    here -= not verdict.counts
                    with self._idle():
                        await asyncio.sleep(verdict.after)
                case TryLater():
                    await self._put_off(record, verdict, history.attempts + here)
                    return
                case Failure():
                    await self._give_up(record, verdict, history.attempts + here)
                    return

    async def _admitted(self, record: ConsumerRecord) -> None:
        if self._worker.admit is not None:
            await self._worker.admit()
        if self.behind_live is not None and record.topic == replay_topic(self._worker.name):
            await self.behind_live()

    async def _try(
        self, record: ConsumerRecord, attempt: Attempt, number: int, level: int
    ) -> Verdict | None:
        """Return None for a try that went well, else what is to be done about it."""
        try:
            async with asyncio.timeout(self._worker.try_seconds):
                await attempt(record)
        except asyncio.CancelledError as error:
            if is_cancelled():
                raise
            # A handler that leaks one would end this lane in silence.
            return self._judged(record, error, number, level)
        except Exception as error:  # noqa: BLE001 - judged, in the one place that does
            return self._judged(record, error, number, level)
        self.limit.ended()
        self.breaker.answered()
        return None

    def _judged(
        self, record: ConsumerRecord, error: BaseException, number: int, level: int
    ) -> Verdict:
        verdict = judge(error, attempt=number, level=level)
        if self._is_held_back(record.key or b"", error):
            verdict = TryAgain(0.0, verdict.code, counts=False)  # as a probe, when it is its turn
        self._report(record, error, verdict)
        return verdict

    def _is_held_back(self, key: bytes, error: BaseException) -> bool:
        """Tell whether this failure says more about us or a provider than about its record."""
        match error:
            case Retryable():
                self.limit.ended()
                held = self.breaker.failed(error, key)
            case RaglineError():
                self.limit.ended()
                self.breaker.answered()
                held = False
            case _:
                self.limit.failed(key)
                held = self.limit.is_stopped
        metrics.BREAKER_OPEN.labels(self._worker.name).set(self.breaker.is_stopped)
        metrics.RELEASE_STOPPED.labels(self._worker.name).set(self.limit.is_stopped)
        return held

    async def _put_off(self, record: ConsumerRecord, verdict: TryLater, attempts: int) -> None:
        """Let the record wait in a retry topic; its offset completes once it is there."""
        metrics.RETRIES.labels(self._worker.name, verdict.code).inc()
        headers = retry_headers(
            record,
            group=self._worker.name,
            attempts=attempts,
            level=verdict.level,
            at=self._clock.now(),
        )
        kept = await self._insist(
            record,
            lambda: self._publisher.publish_raw(
                topic=self._retry_topics[verdict.level],
                key=record.key,
                value=record.value,
                headers={**headers, **self._worker.marks},
            ),
        )
        if kept:
            self._count("put_off")
        else:
            await self._give_up(record, Failure(verdict.code, NOT_KEPT), attempts)

    async def _give_up(self, record: ConsumerRecord, failure: Failure, attempts: int) -> None:
        """Say it where somebody waits, keep the record, and only then let the offset go."""
        try:
            said = await self._insist(record, lambda: self._say(record, failure))
        except Obsolete:
            self._count("obsolete")
            return
        headers = dead_letter_headers(
            record,
            failure,
            group=self._worker.name,
            attempts=attempts,
            at=self._clock.now(),
        )
        kept = await self._insist(
            record,
            lambda: self._publisher.publish_raw(
                topic=dead_letter_topic(self._worker.name).name,
                key=record.key,
                value=record.value,
                headers={**headers, **self._worker.marks},
            ),
        )
        if not (said or kept):
            raise RuntimeError("neither was the failure said nor the record kept")
        metrics.DEAD_LETTERS.labels(self._worker.name, failure.code).inc()
        self._count("dead")

    async def _insist(
        self, record: ConsumerRecord, action: Callable[[], Awaitable[object]]
    ) -> bool:
        """Repeat the action while a server of ours is down; False when it cannot succeed."""
        tries = 0
        while True:
            tries += 1
            try:
                await action()
            except Obsolete:
                raise
            except Exception as error:  # noqa: BLE001 - judged, as in every try
                verdict = judge(error, attempt=tries, level=len(self._retry_topics))
                self._report(record, error, verdict)
            else:
                return True
            if not isinstance(verdict, TryAgain):
                log.critical("failure_not_kept", **_where(record))
                return False
            with self._idle():
                await asyncio.sleep(verdict.after)

    async def _say(self, record: ConsumerRecord, failure: Failure) -> None:
        try:
            event: Any = marked(
                decode(self._worker.topic, record.value or b""), record, self._worker
            )
        except UndecodableEvent:
            return  # nobody can tell whose it is
        await self.publish(await self._worker.give_up(event, failure))

    def _report(self, record: ConsumerRecord, error: BaseException, verdict: Verdict) -> None:
        known = error if isinstance(error, RaglineError) else None
        facts: dict[str, Any] = {
            **_where(record),
            "code": verdict.code,
            "reason": known.message if known else type(error).__name__,
            "exc_info": None if known else error,
        }
        match verdict:
            case TryAgain():
                log.warning("record_failed_for_now", retry_in=round(verdict.after, 3), **facts)
            case TryLater():
                log.warning(
                    "record_put_off", topic_of_retry=self._retry_topics[verdict.level], **facts
                )
            case Failure():
                log.error("record_given_up", **facts)

    @contextmanager
    def _idle(self) -> Generator[None]:
        """Mark the current task as one that only waits."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a record is settled outside of a task")
        self.idle.add(task)
        try:
            yield
        finally:
            self.idle.discard(task)

    def _count(self, outcome: str) -> None:
        metrics.EVENTS_HANDLED.labels(self._worker.name, outcome).inc()


def _text_headers(record: ConsumerRecord) -> dict[str, str]:
    # A header may have no value, whatever the types say.
    return {name: (value or b"").decode(errors="replace") for name, value in record.headers}


def _where(record: ConsumerRecord) -> dict[str, str | int]:
    return {"topic": record.topic, "partition": record.partition, "offset": record.offset}
