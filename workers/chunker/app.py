"""Builds the chunker's clients and puts its handler on them."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

from contracts.delivery_headers import GENERATION
from contracts.topics import INPUTS, build_group
from providers.blobs.factory import configured_blobs
from runtime.clock import SystemClock
from runtime.delivery import Worker
from runtime.health import Health
from runtime.processes import ProcessPool
from runtime.settings import Settings
from store.build_gate import BuildGate
from store.connecting import connect
from store.failed_jobs import fail_job
from store.replayed import ReplayedOffsets
from store.reporting import WorkerReporter
from workers.chunker.handler import handle
from workers.chunker.settings import ChunkerSettings


@asynccontextmanager
async def build(
    settings: Settings, health: Health, generation: int | None = None
) -> AsyncGenerator[Worker]:
    """Yield the worker; its clients and processes are closed afterwards.

    With a ``generation`` it fills that one alone, from the start of its topic and behind live work.
    """
    own = ChunkerSettings.of(settings)
    blobs = configured_blobs(settings)
    clock = SystemClock()
    async with (
        connect(settings, application="chunker") as store,
        WorkerReporter(store, "chunker") as reporter,
        ProcessPool(own.processes) as processes,
    ):
        health.add("database", store.check)
        health.add("blobs", blobs.check)
        replayed = await ReplayedOffsets.of(store, "chunker")
        worker = Worker(
            name="chunker",
            topic=INPUTS["chunker"],
            concurrency=own.concurrency,
            replay_of=replayed.replay_of,
            drain_seconds=own.drain_seconds,
            handle=reporter.watching(
                partial(handle, store=store, blobs=blobs, processes=processes, build=generation)
            ),
            give_up=partial(
                fail_job, stage="chunk", store=store, clock=clock, generation=generation
            ),
        )
        if generation is None:
            yield worker
            return
        yield replace(
            worker,
            group=build_group("chunker", generation),
            replay_of=None,
            admit=BuildGate(store, generation, clock, has_rate=True).admit,
            marks={GENERATION: str(generation).encode()},
        )
