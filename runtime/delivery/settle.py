"""One record from its first try to its end: published on, obsolete, or a dead letter."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog
from aiokafka import ConsumerRecord
from opentelemetry.trace import SpanKind
from opentelemetry.util.types import AnyValue

from contracts.codec import decode
from contracts.envelope import Outgoing
from contracts.errors import RaglineError, UndecodableEvent
from contracts.topics import dead_letter_topic
from runtime import metrics, telemetry
from runtime.clock import Clock
from runtime.delivery.dead_letters import dead_letter_headers
from runtime.delivery.failures import Failure, TryAgain, judge
from runtime.delivery.worker import Worker
from runtime.kafka import Publisher

log = structlog.get_logger(__name__)

#: Runs one try through the framework; raises what the handler raised.
Attempt = Callable[[ConsumerRecord], Awaitable[None]]


class Settler:
    """Brings records to an end; ``settle`` returns only when the offset may be committed."""

    def __init__(self, worker: Worker, publisher: Publisher, clock: Clock) -> None:
        self._worker = worker
        self._publisher = publisher
        self._clock = clock

    async def settle(self, record: ConsumerRecord, attempt: Attempt) -> None:
        """Try until the record is done or given up; only cancellation ends it otherwise."""
        context = telemetry.extract(_text_headers(record))
        attributes: dict[str, AnyValue] = {
            "messaging.system": "kafka",
            "messaging.destination.name": record.topic,
            "messaging.kafka.offset": record.offset,
        }
        with (
            telemetry.tracer().start_as_current_span(
                f"{self._worker.name} process",
                context=context,
                kind=SpanKind.CONSUMER,
                attributes=attributes,
            ),
            metrics.HANDLER_SECONDS.labels(self._worker.name).time(),
        ):
            await self._until_settled(record, attempt)

    async def handle(self, record: ConsumerRecord) -> None:
        """Do one try: decode, work, publish what follows, with every ack awaited."""
        if record.value is None:
            return  # a tombstone: the document's row is already a fence
        event = decode(self._worker.topic, record.value)
        following = await self._worker.handle(event)
        await self.publish(following)
        if following and self._worker.confirm is not None:
            await self.publish(await self._worker.confirm(event))

    async def publish(self, following: Sequence[Outgoing]) -> None:
        """Publish the events and await all acks; the order of the sequence is kept."""
        await asyncio.gather(*(self._publisher.publish(outgoing) for outgoing in following))

    async def _until_settled(self, record: ConsumerRecord, attempt: Attempt) -> None:
        began, tries = self._clock.monotonic(), 0
        while True:
            tries += 1
            try:
                await attempt(record)
            except Exception as error:  # noqa: BLE001 - judged below, the one place that does
                elapsed = self._clock.monotonic() - began
                verdict = judge(error, attempt=tries, elapsed=elapsed)
                self._report(record, error, verdict)
            else:
                self._count("done")
                return
            if isinstance(verdict, Failure):
                await self._give_up(record, verdict, tries)
                return
            await asyncio.sleep(verdict.after)

    async def _give_up(self, record: ConsumerRecord, failure: Failure, tries: int) -> None:
        """Say it where somebody waits, keep the record, and only then let the offset go."""
        await self._insist(record, lambda: self._say(record, failure))
        if not await self._insist(record, lambda: self._keep(record, failure, tries)):
            log.critical("dead_letter_not_kept", **_where(record))
        metrics.DEAD_LETTERS.labels(self._worker.name, failure.code).inc()
        self._count("dead")

    async def _insist(self, record: ConsumerRecord, action: Callable[[], Awaitable[None]]) -> bool:
        """Repeat the action while a server of ours is down; False when it cannot succeed."""
        tries = 0
        while True:
            tries += 1
            try:
                await action()
            except Exception as error:  # noqa: BLE001 - judged, as in every try
                verdict = judge(error, attempt=tries, elapsed=0.0)
                self._report(record, error, verdict)
            else:
                return True
            if isinstance(verdict, Failure):
                return False
            await asyncio.sleep(verdict.after)

    async def _say(self, record: ConsumerRecord, failure: Failure) -> None:
        event = self._event(record)
        if event is not None:
            await self.publish(await self._worker.give_up(event, failure))

    def _event(self, record: ConsumerRecord) -> Any | None:
        try:
            return decode(self._worker.topic, record.value or b"")
        except UndecodableEvent:
            return None

    async def _keep(self, record: ConsumerRecord, failure: Failure, tries: int) -> None:
        await self._publisher.publish_raw(
            topic=dead_letter_topic(self._worker.name).name,
            key=record.key,
            value=record.value,
            headers=dead_letter_headers(
                record,
                failure,
                group=self._worker.name,
                attempts=tries,
                at=self._clock.now(),
            ),
        )

    def _report(
        self, record: ConsumerRecord, error: Exception, verdict: TryAgain | Failure
    ) -> None:
        known = error if isinstance(error, RaglineError) else None
        reason = known.message if known else type(error).__name__
        if isinstance(verdict, TryAgain):
            metrics.RETRIES.labels(self._worker.name, verdict.code).inc()
            log.warning(
                "record_failed_for_now",
                reason=reason,
                retry_in=verdict.after,
                **_where(record),
                exc_info=None if known else error,
            )
            return
        log.error(
            "record_given_up",
            code=verdict.code,
            reason=reason,
            **_where(record),
            exc_info=None if known else error,
        )

    def _count(self, outcome: str) -> None:
        metrics.EVENTS_HANDLED.labels(self._worker.name, outcome).inc()


def _text_headers(record: ConsumerRecord) -> dict[str, str]:
    return {name: value.decode(errors="replace") for name, value in record.headers}


def _where(record: ConsumerRecord) -> dict[str, str | int]:
    return {"topic": record.topic, "partition": record.partition, "offset": record.offset}
