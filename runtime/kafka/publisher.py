"""Publishing records, with the acknowledgement awaited and bounded in time."""

import asyncio
from asyncio import Future
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    KafkaError,
    MessageSizeTooLargeError,
    ProducerClosed,
    RecordListTooLargeError,
)
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.structs import RecordMetadata

from contracts.codec import encode
from contracts.envelope import Outgoing, cloud_event_headers
from contracts.errors import BrokerUnavailable, EventTooLarge
from runtime import telemetry
from runtime.clock import Clock, SystemClock
from runtime.kafka.connection import KafkaConnection

#: The idempotent producer retries for ever; the caller is told after this many seconds.
SEND_SECONDS = 10.0
#: An event is at most 64 KB and a part 256 KB; the rest is room for escapes and headers.
MAX_REQUEST_BYTES = 1024 * 1024
#: What we refuse to send, and what a broker with a lower limit refuses to take.
TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)


@dataclass(frozen=True)
class Placed:
    """Where a record went."""

    partition: int
    offset: int


class Publisher:
    """A producer that connects when it is first needed and again after a failure."""

    def __init__(
        self,
        connection: KafkaConnection,
        *,
        client_id: str,
        acks: Literal["all", 1] = "all",
        clock: Clock | None = None,
    ) -> None:
        self._connection = connection
        self._client_id = client_id
        self._acks: Literal["all", 1] = acks
        self._clock = clock or SystemClock()
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()

    async def start(self) -> None:
        """Connect; ``BrokerUnavailable`` when no broker answers in time."""
        await self._connected()

    async def stop(self) -> None:
        """Send what is pending, for a bounded time, and disconnect."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await _close(producer)

    async def check(self) -> None:
        """Return when a broker answers, else raise ``BrokerUnavailable``.

        A probe costs the same whatever Kafka holds.
        """
        producer = await self._connected()
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await _ask_brokers(producer.client)
        except (TimeoutError, KafkaError, OSError) as error:
            raise BrokerUnavailable from error

    async def publish(
        self, outgoing: Outgoing, *, headers: Mapping[str, str] | None = None
    ) -> Placed:
        """Publish an event with its CloudEvents headers and the current trace; await the ack.

        Raises ``BrokerUnavailable``; ``EventTooLarge`` when the broker takes no such record.
        """
        every = cloud_event_headers(outgoing, at=self._clock.now().isoformat())
        every |= telemetry.inject() | dict(headers or {})
        return await self.publish_raw(
            topic=outgoing.topic.name,
            key=outgoing.key,
            value=None if outgoing.event is None else encode(outgoing.event),
            headers=every,
            partition=outgoing.partition,
        )

    async def publish_raw(
        self,
        *,
        topic: str,
        key: str | bytes | None,
        value: bytes | None,
        headers: Mapping[str, str | bytes],
        partition: int | None = None,
    ) -> Placed:
        """Publish bytes as they are and await the ack; errors as ``publish``."""
        acknowledged = await self.enqueue(
            topic=topic, key=key, value=value, headers=headers, partition=partition
        )
        try:
            async with asyncio.timeout(SEND_SECONDS):
                metadata = await acknowledged
        except TOO_LARGE as error:
            raise EventTooLarge from error
        except (TimeoutError, KafkaError, OSError) as error:
            await self._replace_after(error)
            raise BrokerUnavailable(f"Kafka did not take a record of {topic}.") from error
        return Placed(metadata.partition, metadata.offset)

    async def enqueue(
        self,
        *,
        topic: str,
        key: str | bytes | None,
        value: bytes | None,
        headers: Mapping[str, str | bytes],
        partition: int | None = None,
    ) -> Future[RecordMetadata]:
        """Hand a record over and return the future of its ack; order is that of the calls."""
        producer = await self._connected()
        try:
            async with asyncio.timeout(SEND_SECONDS):
                return await producer.send(
                    topic,
                    value,
                    key=key.encode() if isinstance(key, str) else key,
                    partition=partition,
                    headers=[(name, _bytes(text)) for name, text in headers.items()],
                )
        except TOO_LARGE as error:
            raise EventTooLarge from error
        except (TimeoutError, KafkaError, OSError) as error:
            await self._replace_after(error)
            raise BrokerUnavailable(f"Kafka did not take a record of {topic}.") from error

    async def _connected(self) -> AIOKafkaProducer:
        if self._producer is not None:
            return self._producer
        try:
            # Who waits for another's attempt to connect waits no longer than for an own one.
            async with asyncio.timeout(SEND_SECONDS), self._starting:
                if self._producer is None:
                    self._producer = await self._start_one()
                return self._producer
        except TimeoutError as error:
            raise BrokerUnavailable from error

    async def _start_one(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            client_id=self._client_id,
            acks=self._acks,
            enable_idempotence=self._acks == "all",
            max_request_size=MAX_REQUEST_BYTES,
            request_timeout_ms=int(SEND_SECONDS * 1000),
            **self._connection.options(),
        )
        try:
            await producer.start()
        except (KafkaError, OSError) as error:
            await _close(producer)
            raise BrokerUnavailable from error
        except asyncio.CancelledError:  # by who waits, or because it took too long
            await _close(producer)
            raise
        return producer

    async def _replace_after(self, error: BaseException) -> None:
        """Drop a producer that can send no more; a timeout alone leaves it to recover."""
        if isinstance(error, TimeoutError):
            return
        producer, self._producer = self._producer, None
        if producer is not None:
            await _close(producer)


async def _ask_brokers(client: Any) -> None:
    """Return when one of the brokers has answered; they are asked for no topic."""
    refused: KafkaError | None = None
    for broker in client.cluster.brokers():
        try:
            await client.send(broker.nodeId, MetadataRequest([]))
        except KafkaError as error:
            refused = error
        else:
            return
    raise refused or KafkaError("No broker is known.")


async def _close(producer: AIOKafkaProducer) -> None:
    try:
        async with asyncio.timeout(SEND_SECONDS):
            await producer.stop()
    except (TimeoutError, KafkaError, OSError):
        await _cut_off(producer)


async def _cut_off(producer: AIOKafkaProducer) -> None:
    """End a producer that cannot flush: it would go on sending, behind the one that replaced it.

    What was not acknowledged was reported to its sender. aiokafka has no public way to do this.
    """
    accumulator: Any = getattr(producer, "_message_accumulator", None)
    sending: asyncio.Task[None] | None = getattr(
        getattr(producer, "_sender", None), "sender_task", None
    )
    accumulator.fail_all(ProducerClosed())
    if sending is not None:
        sending.cancel()
    await producer.client.close()
    if sending is not None:
        await asyncio.wait([sending], timeout=SEND_SECONDS)


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
