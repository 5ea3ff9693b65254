"""Builds the embedder's clients and puts its handler on them."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

from contracts.topics import INPUTS, build_group, chunked_topic
from providers.embedding.cards import is_local
from providers.embedding.factory import create_embedding, default_embedding_model
from providers.embedding.gathering import GatheringModel
from providers.embedding.protocol import EmbeddingModel
from retrieval.models import EmbeddingModels
from runtime.clock import SystemClock
from runtime.delivery import Worker
from runtime.health import Health
from runtime.settings import Settings
from store.build_gate import BuildGate
from store.connecting import connect
from store.failed_jobs import fail_job
from store.replayed import ReplayedOffsets
from store.reporting import WorkerReporter
from workers.embedder.handler import handle
from workers.embedder.settings import EmbedderSettings


@asynccontextmanager
async def build(
    settings: Settings, health: Health, generation: int | None = None
) -> AsyncGenerator[Worker]:
    """Yield the worker; its clients are closed afterwards.

    With a ``generation`` it reads that build's own chunks, behind live work.
    """
    own = EmbedderSettings.of(settings)
    models = EmbeddingModels(partial(_create, settings))
    clock = SystemClock()
    model = default_embedding_model(settings)
    provider = "local" if is_local(model) else "openai"
    async with (
        connect(settings, application="embedder") as store,
        WorkerReporter(store, "embedder", provider=provider, model=model) as reporter,
    ):
        health.add("database", store.check)
        try:
            replayed = await ReplayedOffsets.of(store, "embedder")
            worker = Worker(
                name="embedder",
                topic=INPUTS["embedder"],
                concurrency=own.concurrency,
                replay_of=replayed.replay_of,
                drain_seconds=own.drain_seconds,
                handle=reporter.watching(partial(handle, store=store, models=models, clock=clock)),
                give_up=partial(fail_job, stage="embed", store=store, clock=clock),
            )
            if generation is None:
                yield worker
                return
            yield replace(
                worker,
                topic=chunked_topic(generation),
                group=build_group("embedder", generation),
                replay_of=None,
                admit=BuildGate(store, generation, clock, has_rate=False).admit,
            )
        finally:
            await models.close()


async def _create(settings: Settings, name: str) -> EmbeddingModel:
    """Return the model, with parts of different documents in shared provider calls."""
    return GatheringModel(await create_embedding(settings, name))
