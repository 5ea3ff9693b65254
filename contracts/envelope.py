"""CloudEvents 1.0 in Kafka's binary mode: the headers that travel beside every value."""

from dataclasses import dataclass, field

import msgspec

from contracts.ids import EventId, TenantId
from contracts.topics import Topic

SOURCE = "ragline"


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
