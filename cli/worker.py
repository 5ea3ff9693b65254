"""``ragline worker NAME``: one of the four workers, in the foreground."""

import asyncio
import os
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import structlog
import typer

from cli.configured import configured
from cli.console import fail
from contracts.topics import BUILDERS
from runtime.delivery import Probes, Worker, WorkerStuck, run_worker
from runtime.health import Health
from runtime.kafka import KafkaConnection
from runtime.logging import configure_logging
from runtime.settings import Settings
from runtime.telemetry import configure_telemetry

log = structlog.get_logger(__name__)

#: Exit status of a worker that got stuck; whoever watches over it starts it again (EX_SOFTWARE).
STUCK = 70

Build = Callable[[Settings, Health], AbstractAsyncContextManager[Worker]]

#: How much a worker of a build gives way to the processes that serve.
NICENESS = 10


class WorkerChoice(StrEnum):
    """The workers by their names."""

    parser = "parser"
    chunker = "chunker"
    embedder = "embedder"
    responder = "responder"


def build_of(name: WorkerChoice, generation: int | None = None) -> Build:
    """Return how the worker is built; only its own modules are loaded."""
    build: Any = import_module(f"workers.{name.value}.app").build
    chosen: Build = build if generation is None else partial(build, generation=generation)
    return chosen


def worker(
    name: Annotated[WorkerChoice, typer.Argument(help="Which worker to run.")],
    port_file: Annotated[
        Path | None, typer.Option(help="Write the port of /readyz and /metrics to this file.")
    ] = None,
    generation: Annotated[
        int | None,
        typer.Option(min=1, help="Only fill this generation, beside the live workers."),
    ] = None,
) -> None:
    """Run one worker until it is told to stop (SIGTERM or Ctrl-C); then it drains and commits."""
    settings = configured()
    if generation is not None:
        if name.value not in BUILDERS:
            fail(f"--generation is for {' and '.join(BUILDERS)}, not for {name.value}.", 2)
        os.nice(NICENESS)
    configure_logging(settings, service=name.value)
    traces = configure_telemetry(settings, service=name.value)
    try:
        asyncio.run(_run(settings, build_of(name, generation), port_file))
    except WorkerStuck as error:
        log.critical("worker_stuck", reason=str(error))
        raise typer.Exit(STUCK) from None
    finally:
        traces.shutdown()


async def _run(settings: Settings, build: Build, port_file: Path | None) -> None:
    health = Health()

    def announce(port: int) -> None:
        log.info("probes_served", port=port)
        if port_file is not None:
            port_file.write_text(str(port), encoding="ascii")

    async with build(settings, health) as built:
        probes = Probes(
            health=health,
            host=settings.metrics_host,
            port=settings.metrics_port,
            announce=announce,
        )
        await run_worker(built, KafkaConnection.of(settings), probes=probes)
