"""Do the documents that were accepted move?"""

from cli.checks.findings import Finding, ok, warn
from contracts.errors import Misconfigured, StoreUnavailable
from runtime.settings import Settings
from store import Store
from store.inspection import APPLICATION
from store.reconciling import UnmovedJobs

_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"))


async def check_jobs(settings: Settings) -> list[Finding]:
    """Look for jobs that stand still; nothing is said where the database cannot be asked."""
    if settings.database_url is None:
        return []
    after = settings.reconcile_after_seconds
    try:
        found = await _unmoved(settings.database_url.get_secret_value(), after)
    except (StoreUnavailable, Misconfigured):
        return []  # what is wrong with the database has a line of its own
    if found.jobs:
        return warn(
            "jobs",
            f"{found.jobs} have not moved for more than {_words(after)}, {found.oldest} for "
            f"{_words(found.oldest_seconds)}. What is lost on the way is begun again by itself; "
            "what waits for a worker needs one that runs.",
        )
    return ok("jobs", f"None has stood still for more than {_words(after)}.")


async def _unmoved(dsn: str, after: float) -> UnmovedJobs:
    store = await Store.connect(dsn, pool_size=1, application=APPLICATION)
    try:
        await store.check()
        async with store.system() as system:
            return await system.reconciling.unmoved_jobs(after_seconds=after)
    finally:
        await store.close()


def _words(seconds: float) -> str:
    for length, unit in _UNITS:
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
