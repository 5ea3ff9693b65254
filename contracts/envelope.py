"""CloudEvents 1.0 in Kafka's binary mode: the headers that travel beside every value."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from contracts.codec import decode, encode
from contracts.ids import EventId, TenantId
from contracts.topics import TOPICS_BY_NAME, Topic

SOURCE = "ragline"
_NULL = b"null"


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """A record to publish: what, where, under which key, with a deterministic id."""

    topic: Topic
    key: str
    tenant_id: TenantId
    #: None is a tombstone.
    event: msgspec.Struct | None
    event_id: EventId
    #: Only where the partition has a meaning (chat deltas).
    partition: int | None = None
    headers: dict[str, str] = field(default_factory=dict[str, str])


def cloud_event_headers(outgoing: Outgoing, *, at: str) -> dict[str, str]:
    """Return the CloudEvents headers of a record; ``at`` is an RFC 3339 time."""
    headers = {
        "ce_specversion": "1.0",
        "ce_id": str(outgoing.event_id),
        "ce_source": f"/{SOURCE}/{outgoing.topic.owner}",
        "ce_time": at,
        "ce_subject": outgoing.key,
        "ce_tenant": str(outgoing.tenant_id),
        **outgoing.headers,
    }
    if outgoing.event is not None:
        headers["ce_type"] = f"{SOURCE}.{outgoing.event.__struct_config__.tag}"
        headers["content-type"] = "application/json"
    else:
        headers["ce_type"] = f"{SOURCE}.tombstone"
    return headers


class _Packed(msgspec.Struct, frozen=True):
    topic: str
    key: str
    tenant_id: TenantId
    #: JSON of the event; ``null`` is a tombstone.
    event: msgspec.Raw
    event_id: EventId
    headers: dict[str, str]


def pack(following: Sequence[Outgoing]) -> bytes:
    """Return the records as bytes, for a ledger that must publish them again as they were."""
    return msgspec.json.encode(
        [
            _Packed(
                outgoing.topic.name,
                outgoing.key,
                outgoing.tenant_id,
                msgspec.Raw(_NULL if outgoing.event is None else encode(outgoing.event)),
                outgoing.event_id,
                outgoing.headers,
            )
            for outgoing in following
        ]
    )


def unpack(data: bytes) -> list[Outgoing]:
    """Return the records that ``pack`` was given (``UndecodableEvent`` if not)."""
    return [
        Outgoing(
            topic=topic,
            key=packed.key,
            tenant_id=packed.tenant_id,
            event=_event(topic, bytes(packed.event)),
            event_id=packed.event_id,
            headers=packed.headers,
        )
        for packed in msgspec.json.decode(data, type=list[_Packed])
        for topic in [TOPICS_BY_NAME[packed.topic]]
    ]


def _event(topic: Topic, data: bytes) -> Any:
    return None if data == _NULL else decode(topic, data)
