"""The gateway as a process: builds its collaborators, serves, relays the outbox."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import structlog
import uvloop

from contracts.errors import Misconfigured
from contracts.ids import new_id
from contracts.topics import CHAT_DELTAS
from gateway.app import Collaborators, create_app
from gateway.conversations.deltas import DeltaHub
from gateway.dead_letters.copying import DeadLetterCopy
from gateway.generations.steps import GenerationSteps
from gateway.housekeeping import Housekeeping
from gateway.leader import Leader
from gateway.outbox import OutboxRelay
from gateway.reconciler import Reconciler
from gateway.replays.running import ReplayRuns
from gateway.server import GatewayServer, listen, server_config
from gateway.sse import EventStreams
from providers.blobs.factory import create_blobs
from providers.configured import is_openai_configured
from providers.embedding.factory import default_embedding_model
from retrieval.models import EmbeddingModels
from runtime.clock import SystemClock
from runtime.kafka import KafkaConnection, Publisher
from runtime.logging import configure_logging
from runtime.settings import Settings
from runtime.telemetry import configure_telemetry
from store.connecting import connect

log = structlog.get_logger(__name__)

SERVICE = "gateway"


def run(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM, on uvloop."""
    uvloop.run(serve(settings))


async def serve(settings: Settings, *, listening: Callable[[str], None] | None = None) -> None:
    """Serve until SIGINT or SIGTERM; ``listening`` is told the address once it accepts requests.

    Starts without Kafka: uploads are accepted, and published when it is there. Waits for a database
    that is away. Raises ``Misconfigured`` for a missing setting or a port in use.
    """
    configure_logging(settings, service=SERVICE)
    configure_telemetry(settings, service=SERVICE)
    async with open_collaborators(settings) as given:
        server = GatewayServer(
            server_config(create_app(settings, given), settings),
            listening=_announcing(listening),
            stopping=given.streams.stop,
        )
        sockets = [listen(settings)]
        leading = asyncio.create_task(_leader(settings, given).run())
        try:
            await server.serve(sockets)
        finally:
            leading.cancel()
            await asyncio.gather(leading, return_exceptions=True)
    log.info("gateway_stopped")


@asynccontextmanager
async def open_collaborators(settings: Settings) -> AsyncGenerator[Collaborators]:
    """Connect to what the gateway needs, and disconnect; Kafka may be away."""
    kafka = KafkaConnection.of(settings)
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(connect(settings, application=SERVICE))
        embedding = EmbeddingModels.of(settings)
        stack.push_async_callback(embedding.close)
        await embedding.get(default_embedding_model(settings))  # what is wrong with it shows now
        publisher = Publisher(kafka, client_id=SERVICE)
        stack.push_async_callback(publisher.stop)
        yield Collaborators(
            store=store,
            blobs=create_blobs(_required(settings.blob_url, "BLOB_URL")),
            embedding=embedding,
            kafka=kafka,
            publisher=publisher,
            delta_hub=DeltaHub(store, kafka, CHAT_DELTAS.partitions, _instance()),
            providers=_providers(settings, default_embedding_model(settings)),
            clock=SystemClock(),
            streams=EventStreams(),
        )


def _leader(settings: Settings, given: Collaborators) -> Leader:
    return Leader(
        store=given.store,
        relay=OutboxRelay(
            store=given.store,
            publisher=given.publisher,
            tenant_in_flight=settings.tenant_in_flight,
        ),
        housekeeping=Housekeeping(store=given.store, blobs=given.blobs, clock=given.clock),
        dead_letters=DeadLetterCopy(store=given.store, kafka=given.kafka, clock=given.clock),
        reconciler=Reconciler(
            store=given.store,
            kafka=given.kafka,
            clock=given.clock,
            after_seconds=settings.reconcile_after_seconds,
            turn_seconds=settings.reconcile_turn_seconds,
        ),
        generations=GenerationSteps(
            store=given.store,
            kafka=given.kafka,
            replication=settings.kafka_replication,
            partitions_cap=settings.kafka_partitions,
        ),
        replays=ReplayRuns(store=given.store, kafka=given.kafka, publisher=given.publisher),
    )


def _announcing(listening: Callable[[str], None] | None) -> Callable[[str], None]:
    def announce(address: str) -> None:
        log.info("gateway_listening", address=address)
        if listening is not None:
            listening(address)

    return announce


def _required(value: str | None, name: str) -> str:
    if not value:
        raise Misconfigured(f"{name} is missing: the gateway needs it.")
    return value


def _instance() -> str:
    """Name this process: two on one machine are two."""
    return f"{socket.gethostname()}/{new_id()}"


def _providers(settings: Settings, embedding: str) -> dict[str, str]:
    return {
        "parsing": "llamaparse" if settings.llamaparse_api_key else "kreuzberg (local)",
        "embedding": embedding,
        "answering": _answering(settings),
    }


def _answering(settings: Settings) -> str:
    if settings.chat_model:
        return settings.chat_model
    if is_openai_configured(settings):
        return "openai"
    return "anthropic" if settings.anthropic_api_key else "extractive (local)"
