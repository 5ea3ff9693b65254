"""``ragline indexes``: vector indexes for tenants that outgrow exact search."""

import asyncio
from typing import Annotated

import typer

from cli.configured import configured
from cli.console import fail, out
from contracts.errors import RaglineError
from store.indexes import build_tenant_indexes

app = typer.Typer(help="Vector indexes for large tenants.", no_args_is_help=True)


@app.callback()
def indexes() -> None:
    """Keep `build` a subcommand, for others beside it."""


@app.command()
def build(
    *,
    min_chunks: Annotated[
        int, typer.Option(min=1, help="Tenants with fewer chunks are searched exactly.")
    ] = 10_000,
) -> None:
    """Give every tenant with many chunks an index of its own; reading and writing go on."""
    settings = configured()
    url = settings.migration_database_url or settings.database_url
    if url is None:
        fail("DATABASE_URL is missing: where is PostgreSQL?", 2)
    try:
        built = asyncio.run(build_tenant_indexes(url.get_secret_value(), min_chunks=min_chunks))
    except RaglineError as error:
        fail(error.message)
    out.print(f"Built: {', '.join(built) if built else 'nothing, no tenant needs a further one'}.")
