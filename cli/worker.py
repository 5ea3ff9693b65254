"""``ragline worker NAME``: one of the four workers, in the foreground."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import structlog
import typer

import workers.chunker.app
import workers.embedder.app
import workers.parser.app
import workers.responder.app
from cli.configured import configured
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


class WorkerChoice(StrEnum):
    """The workers by their names."""

    parser = "parser"
    chunker = "chunker"
    embedder = "embedder"
    responder = "responder"


BUILDS: dict[WorkerChoice, Build] = {
    WorkerChoice.parser: workers.parser.app.build,
    WorkerChoice.chunker: workers.chunker.app.build,
    WorkerChoice.embedder: workers.embedder.app.build,
    WorkerChoice.responder: workers.responder.app.build,
}


def worker(
    name: Annotated[WorkerChoice, typer.Argument(help="Which worker to run.")],
    port_file: Annotated[
        Path | None, typer.Option(help="Write the port of /readyz and /metrics to this file.")
    ] = None,
) -> None:
    """Run one worker until it is told to stop (SIGTERM or Ctrl-C); then it drains and commits."""
    settings = configured()
    configure_logging(settings, service=name.value)
    traces = configure_telemetry(settings, service=name.value)
    try:
        asyncio.run(_run(settings, BUILDS[name], port_file))
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
