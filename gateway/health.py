"""Whether the gateway lives, whether it is ready, and its metrics; no token, no secrets."""

from collections.abc import Mapping
from importlib.metadata import version

import msgspec
from litestar import Controller, MediaType, Response, get
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from contracts.errors import BrokerUnavailable, Retryable
from gateway.admission import PUBLIC, UNLIMITED
from gateway.dependencies import Given
from gateway.problems import ANYBODY, documented
from runtime.health import Health
from store import Store

#: Accepted events that wait this long, in seconds, or so many, say that nobody relays them.
LONG_WAIT_SECONDS = 60.0
MANY_WAIT = 10_000


class NotReady(Retryable):
    """Something that this gateway needs is missing."""

    code = "not_ready"


class Liveness(msgspec.Struct, frozen=True, kw_only=True):
    """The process answers."""

    status: str
    version: str
    #: Who parses, embeds and answers; local twins say that they are.
    providers: dict[str, str]


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the gateway needs is there."""

    status: str
    #: What was looked at.
    dependencies: tuple[str, ...]


class HealthController(Controller):
    """For probes, load balancers and Prometheus."""

    tags = ("health",)
    opt = {PUBLIC: True, UNLIMITED: True}  # noqa: RUF012 - Litestar's way to say it
    security = ANYBODY

    @get("/health", operation_id="getHealth", summary="Is it alive?")
    async def health(self, providers: Given[Mapping[str, str]]) -> Liveness:
        """Return at once, with the version and with who parses, embeds and answers."""
        return Liveness(status="ok", version=version("ragline"), providers=dict(providers))

    @get(
        "/health/ready",
        operation_id="getReadiness",
        summary="Is it ready?",
        responses=documented(),
    )
    async def ready(self, health: Given[Health]) -> Readiness:
        """Ask the database, Kafka, the blob store and the outbox; 503 says what is missing.

        Uploads are accepted while Kafka is missing; they are published when it is back.
        """
        found = await health.ready()
        missing = {name: reason for name, reason in found.items() if reason}
        if missing:
            raise NotReady("; ".join(f"{name}: {reason}" for name, reason in missing.items()))
        return Readiness(status="ready", dependencies=tuple(found))

    @get(
        "/metrics",
        operation_id="getMetrics",
        summary="Metrics for Prometheus",
        media_type=MediaType.TEXT,
    )
    async def metrics(self) -> Response[bytes]:
        """Return the metrics of this process in Prometheus' text format."""
        # As a header: a media type would get a charset once more.
        return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def check_backlog(store: Store, *, tenant_in_flight: int) -> None:
    """Raise ``BrokerUnavailable`` when accepted events are not getting to Kafka."""
    async with store.system() as tx:
        backlog = await tx.relay.backlog(tenant_in_flight=tenant_in_flight)
    waiting = backlog.waiting - backlog.held_back
    # The oldest row tells nothing while fairness holds rows back on purpose.
    is_late = not backlog.held_back and backlog.oldest_seconds > LONG_WAIT_SECONDS
    if waiting > MANY_WAIT or (waiting and is_late):
        raise BrokerUnavailable(
            f"{waiting} accepted events wait for Kafka, the oldest for "
            f"{backlog.oldest_seconds:.0f} s; nothing is lost."
        )
