"""Strict JSON for events: unknown fields are accepted, wrong types are not."""

from functools import cache
from typing import Any

import msgspec

from contracts.errors import UndecodableEvent
from contracts.topics import Topic

_encoder = msgspec.json.Encoder()

#: An event, in UTF-8 JSON, is at most this many bytes; the text of a part may take 256 KB.
MAX_EVENT_BYTES = 64 * 1024
MAX_PART_BYTES = 256 * 1024


def encode(event: msgspec.Struct) -> bytes:
    """Return the event as UTF-8 JSON with its tag in ``type``."""
    return _encoder.encode(event)


def decode(topic: Topic, value: bytes) -> Any:
    """Return the event in ``value``; ``UndecodableEvent`` when it is none of the topic's."""
    try:
        return _decoder(topic.events).decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UndecodableEvent(f"A record of {topic.name} cannot be decoded: {error}") from error


@cache
def _decoder(events: tuple[type[msgspec.Struct], ...]) -> msgspec.json.Decoder[Any]:
    union: Any = events[0]
    for event in events[1:]:
        union = union | event
    return msgspec.json.Decoder(union, strict=True)
