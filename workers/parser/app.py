"""Builds the parser's clients and puts its handler on them."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial

from contracts.topics import INPUTS
from providers.blobs.factory import configured_blobs
from providers.parsing.factory import create_parser
from providers.parsing.protocol import DocumentParser
from runtime.clock import SystemClock
from runtime.delivery import Worker
from runtime.health import Health
from runtime.scratch import sweep_scratch
from runtime.settings import Settings
from store.connecting import connect
from store.failed_jobs import fail_job
from store.replayed import ReplayedOffsets
from store.reporting import WorkerReporter
from workers.parser.handler import confirm, handle
from workers.parser.settings import ParserSettings


@asynccontextmanager
async def build(settings: Settings, health: Health) -> AsyncGenerator[Worker]:
    """Yield the worker; its clients are closed afterwards."""
    sweep_scratch()  # originals that a parser held when it was killed
    parser = create_parser(settings)
    own = ParserSettings.of(settings, is_local=parser.is_local_twin)
    blobs = configured_blobs(settings)
    async with (
        connect(settings, application="parser") as store,
        WorkerReporter(store, "parser", provider=_provider(parser), model=parser.name) as reporter,
    ):
        health.add("database", store.check)
        health.add("blobs", blobs.check)
        try:
            replayed = await ReplayedOffsets.of(store, "parser")
            yield Worker(
                name="parser",
                topic=INPUTS["parser"],
                concurrency=own.concurrency,
                replay_of=replayed.replay_of,
                drain_seconds=own.drain_seconds,
                try_seconds=own.try_seconds,
                handle=reporter.watching(partial(handle, store=store, blobs=blobs, parser=parser)),
                confirm=partial(confirm, store=store),
                give_up=partial(fail_job, stage="parse", store=store, clock=SystemClock()),
            )
        finally:
            await parser.close()


def _provider(parser: DocumentParser) -> str:
    return "local" if parser.is_local_twin else "llamaparse"
