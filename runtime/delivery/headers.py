"""The headers that a record carries through its retries and into the dead letters."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version

from aiokafka import ConsumerRecord

from contracts.delivery_headers import (
    ATTEMPTS,
    CODE,
    FIRST_FAILURE,
    GROUP,
    LAST_FAILURE,
    LEVEL,
    ORIGIN_OFFSET,
    ORIGIN_PARTITION,
    ORIGIN_TIMESTAMP,
    ORIGIN_TOPIC,
    PREFIX,
    REASON,
    REDRIVES,
    WORKER_VERSION,
)
from runtime.delivery.failures import Failure


@dataclass(frozen=True)
class History:
    """What a record went through before it came to this try."""

    #: Tries so far, wherever they were.
    attempts: int
    #: The first retry topic in which it has not waited yet.
    level: int

    @classmethod
    def of(cls, record: ConsumerRecord) -> "History":
        """Return what the record's headers tell; nothing for one that never failed."""
        own = dict(record.headers)
        return cls(attempts=_number(own.get(ATTEMPTS)), level=_number(own.get(LEVEL)))


def retry_headers(
    record: ConsumerRecord, *, group: str, attempts: int, level: int, at: datetime
) -> Mapping[str, bytes]:
    """Return the record's own headers with its origin and the tries so far."""
    return {
        **_own(record),
        **_origin(record),
        GROUP: group.encode(),
        ATTEMPTS: str(attempts).encode(),
        LEVEL: str(level + 1).encode(),
        FIRST_FAILURE: _kept(record, FIRST_FAILURE) or at.isoformat().encode(),
    }


def dead_letter_headers(
    record: ConsumerRecord, failure: Failure, *, group: str, attempts: int, at: datetime
) -> Mapping[str, bytes]:
    """Return the record's own headers with its origin, its tries and the reason."""
    now = at.isoformat().encode()
    return {
        **_own(record),
        **_origin(record),
        GROUP: group.encode(),
        ATTEMPTS: str(attempts).encode(),
        FIRST_FAILURE: _kept(record, FIRST_FAILURE) or now,
        LAST_FAILURE: now,
        CODE: failure.code.encode(),
        REASON: failure.message.encode(),
        WORKER_VERSION: version("ragline").encode(),
        REDRIVES: _kept(record, REDRIVES) or b"0",
    }


def _own(record: ConsumerRecord) -> dict[str, bytes]:
    # A header may have no value, whatever the types say.
    return {name: value or b"" for name, value in record.headers if not name.startswith(PREFIX)}


def _origin(record: ConsumerRecord) -> dict[str, bytes]:
    """Return where the record was first, also when it comes from a retry topic."""
    here = {
        ORIGIN_TOPIC: record.topic,
        ORIGIN_PARTITION: record.partition,
        ORIGIN_OFFSET: record.offset,
        ORIGIN_TIMESTAMP: record.timestamp,
    }
    return {
        **{name: str(value).encode() for name, value in here.items()},
        **{name: value for name, value in record.headers if name in here},
        **({REDRIVES: kept} if (kept := _kept(record, REDRIVES)) else {}),
    }


def _kept(record: ConsumerRecord, name: str) -> bytes | None:
    return dict(record.headers).get(name)


def _number(value: bytes | None) -> int:
    return int(value) if value is not None and value.isdigit() else 0
