import asyncio
import json
import uuid

import pytest

from store import Store
from store.documents import Accepted
from tests.integration.cli.conftest import Ragline
from tests.integration.store.given import a_tenant, accepted


def test_says_how_many_documents_stand_still_and_which_for_longest(
    ragline: Ragline, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database)
    assert jobs_line(ragline) == ("ok", "None has stood still for more than 30 min.")

    asyncio.run(standing_still(database, hours=1))
    oldest = asyncio.run(standing_still(database, hours=3))

    state, message = jobs_line(ragline)
    assert state == "warn"
    assert message.startswith(
        f"2 have not moved for more than 30 min, {oldest.job_id} for 3 h. What is lost"
    )


async def standing_still(database: str, *, hours: int) -> Accepted:
    store = await Store.connect(database, pool_size=2)
    tenant = await a_tenant(store)
    job = await accepted(store, tenant, uuid.uuid4().bytes)
    async with store.tenant(tenant) as tx:
        await tx.connection.change(
            """UPDATE jobs SET updated_at = now() - make_interval(hours => $2),
                               published_at = now() - make_interval(hours => $2)
               WHERE job_id = $1""",
            job.job_id,
            hours,
        )
    await store.close()
    return job


def jobs_line(ragline: Ragline) -> tuple[str, str]:
    result = ragline("doctor", "--json", "--url", "http://127.0.0.1:1")
    checks = json.loads(result.stdout)["checks"]
    [found] = [check for check in checks if check["name"] == "jobs"]
    return found["state"], found["message"]
