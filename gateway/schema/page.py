"""The page that shows the API and tries it out: one file of its own, nothing from elsewhere."""

from pathlib import Path
from typing import Any

from litestar import Request
from litestar.openapi.plugins import OpenAPIRenderPlugin
from typing_extensions import override

PAGE = Path(__file__).with_name("page.html")


class PagePlugin(OpenAPIRenderPlugin):
    """Serves the page; it reads `/schema/openapi.json` in the browser."""

    def __init__(self) -> None:
        super().__init__(path="/")
        self._page = PAGE.read_bytes()

    @override
    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """Return the page."""
        return self._page
