"""The gateway as a Litestar application: routes, collaborators, what surrounds every request."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

from litestar import Litestar, Request
from litestar.di import Provide
from litestar.types import ASGIApp

from gateway import errors
from gateway.admission import Admission
from gateway.asgi import App
from gateway.auth.authentication import Authentication
from gateway.auth.passwords import Passwords
from gateway.auth.service import Accounts
from gateway.auth.tokens import Tokens
from gateway.conversations.deltas import DeltaHub
from gateway.dead_letters.redriving import Redriver
from gateway.documents.job_watch import JobWatch
from gateway.documents.reprocessing import Reprocessor
from gateway.documents.uploads import Uploads
from gateway.generations.service import Builder
from gateway.health import check_backlog
from gateway.limits import Limits
from gateway.lingering import Lingering
from gateway.observing import Observed
from gateway.principal import Principal
from gateway.replays.service import ReplayDesk
from gateway.routes import CONTROLLERS
from gateway.schema.config import openapi_config
from gateway.sse import EventStreams
from providers.blobs.protocol import BlobStore
from retrieval.models import EmbeddingModels
from runtime.clock import Clock, SystemClock
from runtime.health import Health
from runtime.kafka import KafkaConnection, Publisher
from runtime.settings import Settings
from store import Store

#: Beside the longest question, a JSON body needs this much.
JSON_BYTES = 64 * 1024
#: The longest escape of one byte in JSON: a control character as \u0001.
ESCAPE_BYTES = 6
#: A start does not wait longer for Kafka.
START_SECONDS = 3.0


@dataclass(frozen=True, kw_only=True)
class Collaborators:
    """What the gateway works with; tests pass their own."""

    store: Store
    blobs: BlobStore
    embedding: EmbeddingModels
    kafka: KafkaConnection
    publisher: Publisher
    delta_hub: DeltaHub
    #: Who parses, embeds and answers, as `/health` says it.
    providers: Mapping[str, str]
    clock: Clock = field(default_factory=SystemClock)
    streams: EventStreams = field(default_factory=EventStreams)


def create_app(settings: Settings, given: Collaborators) -> Litestar:
    """Return the application; nothing connects before it starts.

    Raises ``Misconfigured`` when JWT_SECRET is missing or too short.
    """
    made = _make(settings, given)
    app = Litestar(
        route_handlers=CONTROLLERS,
        dependencies={name: _provide(value) for name, value in made.items()}
        | {"principal": Provide(_principal, sync_to_thread=False)},
        middleware=[Admission(authentication=made["authentication"], limits=made["limits"])],
        exception_handlers=errors.HANDLERS,
        request_max_body_size=JSON_BYTES + ESCAPE_BYTES * settings.max_message_bytes,
        lifespan=[partial(_lifespan, given.delta_hub, made["job_watch"], made["passwords"])],
        openapi_config=openapi_config(),
        logging_config=None,
    )
    # Around everything, so that what no route answers (404, 405) is seen and dressed too.
    over_tls = settings.tls_cert_path is not None
    inner = cast("App", app.asgi_handler)
    outer = Lingering(Observed(inner, clock=given.clock, over_tls=over_tls))
    app.asgi_handler = cast("ASGIApp", outer)
    return app


def _make(settings: Settings, given: Collaborators) -> dict[str, Any]:
    """Return everything that handlers can ask for, by the name that they ask with."""
    tokens = Tokens.of(settings, given.clock)
    passwords = Passwords()
    return {
        "settings": settings,
        "clock": given.clock,
        "store": given.store,
        "blobs": given.blobs,
        "embedding": given.embedding,
        "kafka": given.kafka,
        "delta_hub": given.delta_hub,
        "streams": given.streams,
        "providers": given.providers,
        "limits": Limits.of(settings, given.clock),
        "authentication": Authentication.of(settings, tokens, given.store),
        "passwords": passwords,
        "accounts": Accounts(
            store=given.store,
            tokens=tokens,
            passwords=passwords,
            refresh_token_days=settings.refresh_token_days,
        ),
        "uploads": Uploads(
            store=given.store, blobs=given.blobs, clock=given.clock, settings=settings
        ),
        "job_watch": JobWatch(given.store),
        "redriver": Redriver(store=given.store, publisher=given.publisher, clock=given.clock),
        "builder": Builder(
            store=given.store, models=given.embedding, kafka=given.kafka, settings=settings
        ),
        "replay_desk": ReplayDesk(store=given.store, kafka=given.kafka, clock=given.clock),
        "reprocessor": Reprocessor(store=given.store, blobs=given.blobs, clock=given.clock),
        "health": _health(settings, given),
    }


def _health(settings: Settings, given: Collaborators) -> Health:
    health = Health()
    health.add("database", given.store.check)
    health.add("kafka", given.publisher.check)
    health.add("blobs", given.blobs.check)
    health.add(
        "outbox", partial(check_backlog, given.store, tenant_in_flight=settings.tenant_in_flight)
    )
    return health


def _provide(value: object) -> Provide:
    def provided() -> Any:
        return value

    return Provide(provided, use_cache=True, sync_to_thread=False)


def _principal(request: Request[Any, Any, Any]) -> Principal:
    principal: Principal = request.scope["user"]
    return principal


@asynccontextmanager
async def _lifespan(
    delta_hub: DeltaHub, job_watch: JobWatch, passwords: Passwords, _: Litestar
) -> AsyncGenerator[None]:
    starting = asyncio.create_task(delta_hub.start())
    await asyncio.wait({starting}, timeout=START_SECONDS)
    try:
        yield
    finally:
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await delta_hub.stop()
        await job_watch.stop()
        passwords.close()
