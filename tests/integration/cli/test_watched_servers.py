"""Servers of this machine that die, even while they start, are started again."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from cli.local.servers import running_servers
from runtime.settings import load_settings
from tests.integration.delivery.conftest import until


@pytest.mark.asyncio
async def test_servers_that_die_together_and_while_starting_come_back(tmp_path: Path) -> None:
    settings = load_settings(environment="test", data_dir=tmp_path)
    async with running_servers(settings, tmp_path) as servers:
        kafka, postgres = servers.kafka, servers.postgres
        assert kafka is not None
        assert postgres is not None
        watching = asyncio.create_task(servers.watch())
        first = kafka.pid
        os.kill(first, signal.SIGKILL)
        await until(lambda: kafka.pid != first)
        second = kafka.pid
        os.kill(second, signal.SIGKILL)  # before it answered anybody
        before = postgres.pid
        os.kill(before, signal.SIGKILL)
        await until(lambda: kafka.pid not in {first, second} and postgres.pid != before, seconds=60)
        await asyncio.sleep(1)
        assert kafka.is_running
        assert postgres.is_running
        assert not watching.done()
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
