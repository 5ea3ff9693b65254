"""``ragline gateway``: the REST API, in the foreground."""

import asyncio

import typer
from gateway.main import serve

from cli.configured import configured
from cli.console import fail
from contracts.errors import RaglineError
from runtime.logging import configure_logging
from runtime.telemetry import configure_telemetry


def gateway() -> None:
    """Serve the REST API until it is told to stop (SIGTERM or Ctrl-C)."""
    settings = configured()
    configure_logging(settings, service="gateway")
    traces = configure_telemetry(settings, service="gateway")
    try:
        asyncio.run(serve(settings))
    except RaglineError as error:
        fail(error.message)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
    finally:
        traces.shutdown()
