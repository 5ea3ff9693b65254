"""Builds the chunker's clients and puts its handler on them."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial

from contracts.topics import INPUTS
from providers.blobs.factory import configured_blobs
from runtime.clock import SystemClock
from runtime.delivery import Worker
from runtime.health import Health
from runtime.processes import ProcessPool
from runtime.settings import Settings
from store.connecting import connect
from store.failed_jobs import fail_job
from workers.chunker.handler import handle
from workers.chunker.settings import ChunkerSettings


@asynccontextmanager
async def build(settings: Settings, health: Health) -> AsyncGenerator[Worker]:
    """Yield the worker; its clients and processes are closed afterwards."""
    own = ChunkerSettings.of(settings)
    blobs = configured_blobs(settings)
    async with (
        connect(settings, application="chunker") as store,
        ProcessPool(own.processes) as processes,
    ):
        health.add("database", store.check)
        health.add("blobs", blobs.check)
        yield Worker(
            name="chunker",
            topic=INPUTS["chunker"],
            concurrency=own.concurrency,
            drain_seconds=own.drain_seconds,
            handle=partial(handle, store=store, blobs=blobs, processes=processes),
            give_up=partial(fail_job, stage="chunk", store=store, clock=SystemClock()),
        )
