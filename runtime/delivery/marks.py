"""What a record says of itself beside its event: a replay, or the one generation it is for."""

from typing import Any

import msgspec
from aiokafka import ConsumerRecord

from contracts.delivery_headers import GENERATION, ORIGIN_OFFSET, ORIGIN_PARTITION, REPLAY
from runtime.delivery.worker import Worker


def marked(event: Any, record: ConsumerRecord, worker: Worker) -> Any:
    """Return the event with what the record says beside it; most say nothing."""
    headers = dict(record.headers)
    changes: dict[str, object] = {}
    replay = headers.get(REPLAY, b"").decode(errors="replace") or _by_offset(record, worker)
    if replay and hasattr(event, "replay_id"):
        changes["replay_id"] = replay
    if (generation := headers.get(GENERATION, b"")).isdigit() and hasattr(event, "generation"):
        changes["generation"] = int(generation)
    return msgspec.structs.replace(event, **changes) if changes else event


def _by_offset(record: ConsumerRecord, worker: Worker) -> str:
    """Return the replay of the offset at which the record was first, also when it waited since."""
    if worker.replay_of is None:
        return ""
    if record.topic == worker.topic.name:
        return worker.replay_of(record.topic, record.partition, record.offset)
    headers = dict(record.headers)
    partition, offset = headers.get(ORIGIN_PARTITION, b""), headers.get(ORIGIN_OFFSET, b"")
    if partition.isdigit() and offset.isdigit():
        return worker.replay_of(worker.topic.name, int(partition), int(offset))
    return ""
