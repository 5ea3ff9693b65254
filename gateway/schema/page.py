"""The page that shows the API and tries it out: one file of its own, nothing from elsewhere."""

import base64
import hashlib
from pathlib import Path
from typing import Any

from litestar import Request
from litestar.openapi.plugins import OpenAPIRenderPlugin
from typing_extensions import override

FOLDER = Path(__file__).parent


class PagePlugin(OpenAPIRenderPlugin):
    """Serves the page; in the browser it reads the document and sends requests to this server."""

    def __init__(self) -> None:
        super().__init__(path="/")
        style = (FOLDER / "page.css").read_text(encoding="utf-8")
        script = (FOLDER / "page.js").read_text(encoding="utf-8")
        self._page = _page(style, script)
        #: Allows this page's own style and script and nothing else.
        self.policy = (
            f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
            "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'"
        )

    @override
    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """Return the page."""
        return self._page


def _page(style: str, script: str) -> bytes:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<title>ragline API</title><link rel="icon" href="data:,">'
        f"<style>{style}</style></head><body>"
        '<noscript>This page needs scripts; read <a href="/schema/openapi.json">the document</a>.'
        "</noscript>"
        f"<script>{script}</script></body></html>"
    ).encode()


def _hash(content: str) -> str:
    digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
    return f"'sha256-{digest}'"
