"""``ragline gateway``: the REST API, in the foreground."""

import typer

from cli.configured import configured
from cli.console import fail
from contracts.errors import RaglineError
from gateway.main import run


def gateway() -> None:
    """Serve the REST API until it is told to stop (SIGTERM or Ctrl-C)."""
    settings = configured()
    try:
        run(settings)
    except RaglineError as error:
        fail(error.message)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
