"""``ragline migrate``: bring the database to this version and make sure a generation is active."""

import asyncio

from cli.configured import configured
from cli.console import fail, out
from contracts.errors import RaglineError
from providers.embedding.factory import create_embedding
from runtime.settings import Settings
from store.generations import Generation
from store.logins import ensure_login
from store.migrate import ensure_generation
from store.migrate import migrate as apply_migrations


def migrate() -> None:
    """Apply the schema's migrations and create the first generation; safe to run again."""
    settings = configured()
    try:
        applied, generation = asyncio.run(prepare_database(settings))
    except RaglineError as error:
        fail(error.message)
    out.print(f"Applied: {', '.join(applied) if applied else 'nothing, it was up to date'}.")
    out.print(
        f"Active generation {generation.generation_id}: {generation.strategy}, "
        f"{generation.embedding_model} ({generation.dimensions} dimensions)."
    )


async def prepare_database(settings: Settings) -> tuple[list[str], Generation]:
    """Migrate and return what was applied and the active generation.

    Where MIGRATION_DATABASE_URL names the owner of the tables, the login of DATABASE_URL is made
    and given its roles, too.
    """
    url = settings.migration_database_url or settings.database_url
    if url is None:
        fail("DATABASE_URL is missing: where is PostgreSQL?", 2)
    applied = await apply_migrations(url.get_secret_value())
    if settings.database_url is not None:
        await ensure_login(url.get_secret_value(), settings.database_url.get_secret_value())
    model = await create_embedding(settings)
    try:
        generation = await ensure_generation(
            url.get_secret_value(),
            strategy=settings.chunking_strategy,
            embedding_model=model.card.name,
            dimensions=model.card.dimensions,
        )
    finally:
        await model.close()
    return applied, generation
