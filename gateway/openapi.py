"""The description of the API as a document, without a server: `python -m gateway.openapi`."""

import sys
from typing import Any

import msgspec
from litestar import Litestar
from litestar.di import Provide

from gateway.dependencies import PROVIDED
from gateway.routes import CONTROLLERS
from gateway.schema.config import openapi_config


def openapi_document() -> dict[str, Any]:
    """Return the same OpenAPI document that a running gateway serves; connects to nothing."""
    app = Litestar(
        route_handlers=CONTROLLERS,
        dependencies={name: _nothing() for name in PROVIDED},
        openapi_config=openapi_config(),
    )
    return app.openapi_schema.to_schema()


def _nothing() -> Provide:
    def provided() -> Any:
        return None

    return Provide(provided, sync_to_thread=False)


def main() -> None:
    """Write the document to standard output, as JSON with sorted keys."""
    document = msgspec.json.encode(openapi_document(), order="sorted")
    sys.stdout.buffer.write(msgspec.json.format(document, indent=2) + b"\n")


if __name__ == "__main__":
    main()
