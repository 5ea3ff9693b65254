"""The description of the API for clients: OpenAPI, with tags, security schemes and a page."""

from importlib.metadata import version

from litestar import Router
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, YamlRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme, Tag

from gateway.admission import PUBLIC
from gateway.schema.page import PagePlugin

TAGS = [
    Tag(name="auth", description="Users, sessions and API keys."),
    Tag(name="documents", description="Upload, list, read, delete."),
    Tag(name="jobs", description="How far the processing of an upload is."),
    Tag(name="search", description="Ranked passages for a query."),
    Tag(name="chat", description="Questions, answers with citations, conversations."),
    Tag(name="agents", description="Agents and workers."),
    Tag(name="usage", description="What was used, by day."),
    Tag(name="admin", description="What operators of the installation look after."),
    Tag(name="health", description="For probes and Prometheus; no token needed."),
]

DESCRIPTION = """Documents in, cited answers out.

Log in with `POST /api/v2/auth/login` and send the access token as `Authorization: Bearer …`, or
create an API key and send that. Every error is `application/problem+json` with a stable `code`.
Lists take `limit` and `after` and answer `data` and `has_more`. What belongs to another tenant
does not exist: 404.
"""


def openapi_config() -> OpenAPIConfig:
    """Return the configuration; the document is at `/schema/openapi.json`, a page at `/schema`."""
    page = PagePlugin()
    return OpenAPIConfig(
        title="ragline",
        version=version("ragline"),
        description=DESCRIPTION,
        tags=TAGS,
        use_handler_docstrings=True,
        security=[{"token": []}, {"apiKey": []}],
        components=Components(
            security_schemes={
                "token": SecurityScheme(
                    type="http",
                    scheme="bearer",
                    bearer_format="JWT",
                    description="An access token of `POST /api/v2/auth/login`, or an API key.",
                ),
                "apiKey": SecurityScheme(
                    type="apiKey",
                    name="X-API-Key",
                    security_scheme_in="header",
                    description="An API key of `POST /api/v2/auth/api-keys`.",
                ),
            }
        ),
        openapi_router=Router(
            "/schema",
            route_handlers=[],
            include_in_schema=False,
            opt={PUBLIC: True},
            response_headers={"Content-Security-Policy": page.policy},
        ),
        render_plugins=[page, JsonRenderPlugin(), YamlRenderPlugin()],
    )
