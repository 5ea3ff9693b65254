"""The FastStream broker of a worker: its topic, and the topics in which its retries wait."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from faststream._internal.broker.registrator import Registrator
from faststream._internal.endpoint.subscriber.call_item import CallsCollection
from faststream.kafka import KafkaBroker
from faststream.kafka.configs import KafkaBrokerConfig
from faststream.kafka.schemas import Topic as KafkaTopic
from faststream.kafka.subscriber.config import (
    KafkaSubscriberConfig,
    KafkaSubscriberSpecificationConfig,
)
from faststream.kafka.subscriber.specification import KafkaSubscriberSpecification
from faststream.message import StreamMessage
from faststream.middlewares import AckPolicy
from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from runtime.delivery.intake import Intake
from runtime.delivery.settle import Settler
from runtime.delivery.subscriber import LaneSubscriber
from runtime.kafka import KafkaConnection
from runtime.settings import Security

#: A session of 45 s beats every 3 s.
HEARTBEATS_PER_SESSION = 15
#: The default of 10 s throws out a member that is still draining.
REBALANCE_MS = 60_000
#: Joining a group answers when the rebalance ends, so a request may take that long.
REQUEST_MS = REBALANCE_MS + 10_000


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a consumer group reads, and who takes its records."""

    group: str
    topics: Sequence[str]
    intake: Intake


def create_broker(
    name: str, connection: KafkaConnection, settler: Settler, readings: Sequence[Reading]
) -> tuple[KafkaBroker, list[LaneSubscriber]]:
    """Return a broker with a subscriber for each reading; it publishes nothing itself."""
    broker = KafkaBroker(
        connection.servers,
        client_id=f"ragline-{name}",
        request_timeout_ms=REQUEST_MS,
        graceful_timeout=None,  # who stops has drained the lanes before
        security=_security(connection),
        consumer_only=True,
        allow_auto_create_topics=False,
        logger=None,
        apply_types=False,
    )

    async def handle(message: StreamMessage[Any]) -> None:
        await settler.handle(message.raw_message)

    subscribers = [_subscriber(broker, connection, reading) for reading in readings]
    for subscriber in subscribers:
        subscriber(handle)
    return broker, subscribers


def _subscriber(
    broker: KafkaBroker, connection: KafkaConnection, reading: Reading
) -> LaneSubscriber:
    topics = [KafkaTopic(topic, declare=False) for topic in reading.topics]
    calls = CallsCollection[Any]()
    outer = cast("KafkaBrokerConfig", broker.config)
    config = KafkaSubscriberConfig(
        topics=topics,
        group_id=reading.group,
        listener=reading.intake,
        connection_args=_consumer_options(connection),
        no_reply=True,
        _outer_config=outer,
        _ack_policy=AckPolicy.MANUAL,
    )
    specification = KafkaSubscriberSpecification(
        _outer_config=outer,
        calls=calls,
        specification_config=KafkaSubscriberSpecificationConfig(
            topics=topics, title_=None, description_=None
        ),
    )
    subscriber = LaneSubscriber(config, specification, calls)
    subscriber.intake = reading.intake
    reading.intake.attach(lambda: subscriber.consumer)
    subscriber.add_call(parser_=_parse, decoder_=_keep_message, dependencies_=())
    Registrator.subscriber(broker, subscriber)  # pyright: ignore[reportUnknownMemberType]
    return subscriber


async def _parse(record: Any) -> StreamMessage[Any]:
    """Wrap the record without reading headers: FastStream's own parser drops a bad one."""
    return StreamMessage(raw_message=record, body=record.value or b"")


async def _keep_message(message: StreamMessage[Any]) -> StreamMessage[Any]:
    """Leave decoding to our codec, which is strict."""
    return message


def _consumer_options(connection: KafkaConnection) -> dict[str, Any]:
    # The assignor keeps what it assigned on its class: each consumer needs a class of its own.
    sticky = type("Sticky", (StickyPartitionAssignor,), {})
    session_ms = int(connection.session_seconds * 1000)
    return {
        "auto_offset_reset": "earliest",
        "session_timeout_ms": session_ms,
        "heartbeat_interval_ms": session_ms // HEARTBEATS_PER_SESSION,
        "rebalance_timeout_ms": REBALANCE_MS,
        "partition_assignment_strategy": (sticky,),
    }


def _security(connection: KafkaConnection) -> BaseSecurity | None:
    if connection.security is Security.plaintext:
        return None
    uses_tls = connection.security in {Security.ssl, Security.sasl_ssl}
    if connection.security is Security.ssl:
        return BaseSecurity(ssl_context=connection.ssl_context, use_ssl=True)
    kind = {
        "PLAIN": SASLPlaintext,
        "SCRAM-SHA-256": SASLScram256,
        "SCRAM-SHA-512": SASLScram512,
    }[connection.sasl_mechanism]
    return kind(
        connection.sasl_username or "",
        connection.sasl_password or "",
        ssl_context=connection.ssl_context,
        use_ssl=uses_tls,
    )
