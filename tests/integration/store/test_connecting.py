"""A process that starts while the database is away waits for it."""

import asyncio
from pathlib import Path

import pytest

from contracts.errors import Misconfigured
from runtime.embedded import EmbeddedPostgres
from runtime.settings import load_settings
from store.connecting import connect

pytestmark = pytest.mark.asyncio


async def test_waits_for_a_database_that_is_away(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "postgres")
    await server.start()
    settings = load_settings(database_url=server.dsn)
    await server.stop()

    async def use() -> None:
        async with connect(settings, application="test") as store, store.system():
            raise AssertionError("there is no such role yet")

    using = asyncio.create_task(use())
    await asyncio.sleep(1)
    assert not using.done()
    await server.start()
    try:
        # Without a migration the role is not there, which shows as well that somebody answers.
        with pytest.raises(Exception, match="ragline_system"):
            async with asyncio.timeout(20):
                await using
    finally:
        await server.stop()


async def test_names_the_setting_that_is_missing() -> None:
    settings = load_settings().model_copy(update={"database_url": None})
    with pytest.raises(Misconfigured, match="DATABASE_URL"):
        async with connect(settings, application="test"):
            raise AssertionError("it connected to nothing")
