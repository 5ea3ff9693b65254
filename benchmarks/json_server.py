"""One JSON handler behind two servers: ``python -m benchmarks.json_server bare|gateway``.

``bare`` is Litestar alone; ``gateway`` is the application of the gateway with the same handler
added, so that a request to it passes authentication, limits, metrics and logs, and no database.
Both run in uvicorn with httptools on uvloop.
"""

import sys

import msgspec
import uvicorn
import uvloop
from litestar import Litestar, get

from gateway.app import create_app
from gateway.main import open_collaborators
from gateway.server import GatewayServer, server_config
from runtime.logging import configure_logging
from runtime.settings import Settings, load_settings
from runtime.telemetry import configure_telemetry

PATH = "/benchmark"


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """Some JSON of the size of a small answer."""

    job_id: str = "01981d5b-0000-7000-8000-000000000000"
    status: str = "indexed"
    stages: tuple[str, ...] = ("parse", "chunk", "embed")
    pages: int = 12
    chunks: int = 96


@get(PATH)
async def show() -> Shown:
    """Answer the same at once."""
    return Shown()


async def _serve_bare(settings: Settings) -> None:
    app = Litestar(route_handlers=[show], openapi_config=None, logging_config=None)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http="httptools",
        ws="none",
        log_config=None,
        access_log=False,
    )
    await uvicorn.Server(config).serve()


async def _serve_gateway(settings: Settings) -> None:
    configure_logging(settings, service="gateway")
    configure_telemetry(settings, service="gateway")
    async with open_collaborators(settings) as given:
        app = create_app(settings, given)
        app.register(show)
        server = GatewayServer(
            server_config(app, settings),
            listening=lambda _: None,
            stopping=given.streams.stop,
        )
        await server.serve()


if __name__ == "__main__":
    serve = _serve_gateway if sys.argv[1] == "gateway" else _serve_bare
    uvloop.run(serve(load_settings()))
