"""The headers that a record carries through its retries, into the dead letters, and back."""

from collections.abc import Iterable

#: Headers of ours carry this prefix; the rest are the record's own.
PREFIX = "ragline-delivery-"

ORIGIN_TOPIC = PREFIX + "origin-topic"
ORIGIN_PARTITION = PREFIX + "origin-partition"
ORIGIN_OFFSET = PREFIX + "origin-offset"
ORIGIN_TIMESTAMP = PREFIX + "origin-timestamp"
GROUP = PREFIX + "group"
ATTEMPTS = PREFIX + "attempts"
LEVEL = PREFIX + "level"
FIRST_FAILURE = PREFIX + "first-failure"
LAST_FAILURE = PREFIX + "last-failure"
CODE = PREFIX + "code"
REASON = PREFIX + "reason"
WORKER_VERSION = PREFIX + "worker-version"
REDRIVES = PREFIX + "redrives"

#: Of the record's own, kept wherever it goes: the only generation that it is for, and the replay
#: that it belongs to.
GENERATION = "ragline-generation"
REPLAY = "ragline-replay"

#: Where a record was first; kept however often it fails and is redriven.
ORIGIN = frozenset({ORIGIN_TOPIC, ORIGIN_PARTITION, ORIGIN_OFFSET, ORIGIN_TIMESTAMP})


def redriven_headers(headers: Iterable[tuple[str, bytes]], *, redrives: int) -> dict[str, bytes]:
    """Return the headers with which a dead letter is tried anew.

    Its own and its origin stay; what is known of its earlier tries goes.
    """
    kept = {name: value for name, value in headers if name in ORIGIN or not name.startswith(PREFIX)}
    return {**kept, REDRIVES: str(redrives).encode()}
