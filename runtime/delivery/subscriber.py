"""The FastStream subscriber whose records go through lanes and whose offsets we commit.

It replaces the consume loop of FastStream's ``DefaultSubscriber``: reading never waits for work,
and an offset is committed only when it and all before it are complete.
"""

import asyncio

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.errors import ConsumerStoppedError, KafkaError
from faststream.kafka.subscriber.usecase import DefaultSubscriber
from typing_extensions import override

from runtime.delivery.intake import Intake

log = structlog.get_logger(__name__)

POLL_MS = 200
#: After an error of the broker, before it is asked again.
ERROR_SECONDS = 1.0


class LaneSubscriber(DefaultSubscriber):
    """Hands every record to the intake instead of waiting for its handler."""

    intake: Intake

    @override
    async def start(self) -> None:
        """Join the group; a try that fails leaves no connection open."""
        try:
            await super().start()
        except BaseException:
            if self.consumer is not None:
                await self.consumer.stop()
            raise

    @override
    async def _run_consume_loop(self, consumer: AIOKafkaConsumer) -> None:
        while self.running:
            try:
                await self._poll(consumer)
            except ConsumerStoppedError:
                return
            except KafkaError as error:
                log.warning("broker_not_read", reason=type(error).__name__)
                await asyncio.sleep(ERROR_SECONDS)

    async def _poll(self, consumer: AIOKafkaConsumer) -> None:
        batches = await consumer.getmany(timeout_ms=POLL_MS)
        for partition, records in batches.items():
            self.intake.take(consumer, partition, records, self.attempt)
        await self.intake.tick(consumer)

    async def stop_reading(self) -> None:
        """Take no record from now on, and end the loop; the group is not left.

        A read that waits for a rebalance may outlast this. What it brings is left to others.
        """
        self.intake.close()
        self.running = False
        reading = [task for task in self.tasks if not task.done()]
        if reading:
            await asyncio.wait(reading, timeout=2 * POLL_MS / 1000 + ERROR_SECONDS)

    def problem(self) -> str | None:
        """Return why this subscriber reads no more, None while it reads."""
        if self.running and all(task.done() for task in self.tasks):
            return "The task that reads from Kafka ended."
        coordination = getattr(self.consumer, "_coordinator", None)
        if coordination is not None and coordination._coordination_task.done():  # noqa: SLF001 - no public name says it
            return "The task that keeps the membership of the group ended."
        return None

    async def attempt(self, record: ConsumerRecord) -> None:
        """Run one try through FastStream's middlewares; raises what the handler raised."""
        await self.process_message(record)
