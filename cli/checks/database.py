"""Is the database there, migrated, and indexed as the settings say?"""

from cli.checks.findings import Finding, address, missing, ok, warn
from contracts.errors import Misconfigured, StoreUnavailable
from providers.embedding.factory import default_embedding_model
from runtime.settings import Settings
from store.generations import Generation
from store.inspection import Inspection, inspect
from store.schema import HEAD

UNREADABLE = (
    "DATABASE_URL is not an address like postgresql://user:password@host:5432/name; write what is "
    "special in its password as %23 for #, %2F for /, %40 for @."
)


async def check_database(settings: Settings) -> list[Finding]:
    """Look at the server, the extension, the schema and the active generation."""
    if settings.database_url is None:
        return missing(
            "database", "DATABASE_URL is not set and nothing runs here: `ragline up`, or set it."
        )
    url = settings.database_url.get_secret_value()
    try:
        found = await inspect(url)
    except StoreUnavailable as error:
        return missing(
            "database",
            f"{address(url)}: {error} Start it (`ragline up` starts one), or correct DATABASE_URL.",
        )
    except Misconfigured as error:
        if isinstance(error.__cause__, ValueError):
            # The client's own words may quote a part of the password.
            return missing("database", UNREADABLE)
        return missing("database", f"{address(url)}: {error}")
    return [
        *ok("database", f"PostgreSQL {found.server} at {address(url)}."),
        *_check_extension(found),
        *_check_schema(found),
        *_check_generation(found, settings),
        *_check_dead_letters(found),
    ]


def _check_extension(found: Inspection) -> list[Finding]:
    if found.vector is None:
        return missing(
            "pgvector",
            "The extension vector is not in this database: `ragline migrate` as a superuser, or "
            "`CREATE EXTENSION vector`.",
        )
    return ok("pgvector", f"Version {found.vector}.")


def _check_schema(found: Inspection) -> list[Finding]:
    if found.revision is None:
        return missing("schema", "The database was never migrated: run `ragline migrate`.")
    if found.revision != HEAD:
        return missing(
            "schema",
            f"The schema is {found.revision}, this version works with {HEAD}: run "
            "`ragline migrate`.",
        )
    return ok("schema", f"Revision {found.revision}.")


def _check_generation(found: Inspection, settings: Settings) -> list[Finding]:
    if found.revision is None:
        return []
    if found.active is None:
        return missing("index", "There is no active generation: run `ragline migrate`.")
    index = _described(found.active)
    model, strategy = default_embedding_model(settings), settings.chunking_strategy
    if (found.active.embedding_model, found.active.strategy) != (model, strategy):
        return warn(
            "index",
            f"{index}, while the settings say {model} and {strategy}. Questions use the index as "
            f"it is; set EMBEDDING_MODEL={found.active.embedding_model} and "
            f"CHUNKING_STRATEGY={found.active.strategy}, or build another index.",
        )
    return ok("index", f"{index}.")


def _check_dead_letters(found: Inspection) -> list[Finding]:
    if found.revision is None:
        return []
    if found.dead_letters:
        return warn(
            "dead letters",
            f"{found.dead_letters} wait: `ragline dead-letters list` says why, `ragline "
            "dead-letters redrive` tries them anew.",
        )
    return ok("dead letters", "None wait.")


def _described(active: Generation) -> str:
    return (
        f"Generation {active.generation_id} is {active.strategy} with {active.embedding_model} "
        f"({active.dimensions} dimensions)"
    )
