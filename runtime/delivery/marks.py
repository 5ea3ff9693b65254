"""What a record says of itself beside its event: a replay, or the one generation it is for."""

from typing import Any

import msgspec
from aiokafka import ConsumerRecord

from contracts.delivery_headers import GENERATION, REPLAY


def marked(event: Any, record: ConsumerRecord) -> Any:
    """Return the event with what the record's headers say; most say nothing."""
    headers = dict(record.headers)
    changes: dict[str, object] = {}
    if (replay := headers.get(REPLAY)) and hasattr(event, "replay_id"):
        changes["replay_id"] = replay.decode(errors="replace")
    if (generation := headers.get(GENERATION, b"")).isdigit() and hasattr(event, "generation"):
        changes["generation"] = int(generation)
    return msgspec.structs.replace(event, **changes) if changes else event
