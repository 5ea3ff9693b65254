"""The headers that an event takes along from the transaction that made it."""

from contracts.envelope import Outgoing, cloud_event_headers
from runtime import telemetry
from runtime.clock import Clock


def outbox_headers(outgoing: Outgoing, clock: Clock) -> dict[str, str]:
    """Return the CloudEvents headers and the current trace, to be published as they are."""
    return cloud_event_headers(outgoing, at=clock.now().isoformat()) | telemetry.inject()
