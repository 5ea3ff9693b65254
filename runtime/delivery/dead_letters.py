"""The record that keeps what a worker gave up: untouched, with where it was and why."""

from collections.abc import Mapping
from datetime import datetime
from importlib.metadata import version

from aiokafka import ConsumerRecord

from runtime.delivery.failures import Failure

#: Headers of ours carry this prefix; the rest are the record's own.
PREFIX = "ragline-dead-letter-"


def dead_letter_headers(
    record: ConsumerRecord, failure: Failure, *, group: str, attempts: int, at: datetime
) -> Mapping[str, bytes]:
    """Return the record's headers and, beside them, its origin and the reason."""
    facts = {
        "origin-topic": record.topic,
        "origin-partition": record.partition,
        "origin-offset": record.offset,
        "origin-timestamp": record.timestamp,
        "group": group,
        "code": failure.code,
        "reason": failure.message,
        "attempts": attempts,
        "failed-at": at.isoformat(),
        "worker-version": version("ragline"),
    }
    own = {name: value for name, value in record.headers if not name.startswith(PREFIX)}
    return own | {PREFIX + name: str(value).encode() for name, value in facts.items()}
