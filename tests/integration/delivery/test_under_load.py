"""What holds while records flow: nothing waits for a slow one, nothing is executed twice."""

import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from runtime.embedded import EmbeddedKafka, EmbeddedPostgres
from tests.chaos.crowd import executions, prepare, send
from tests.chaos.fleet import Fleet
from tests.chaos.script import Script, Spec
from tests.chaos.scripted import STUCK
from tests.chaos.slow import delays
from tests.fixtures.servers import fresh_database
from tests.integration.delivery.conftest import Bench, until

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def spec(
    kafka_server: EmbeddedKafka, postgres_server: EmbeddedPostgres, tmp_path: Path
) -> AsyncIterator[Spec]:
    """Workers whose records are prompt, with topics and a database of their own."""
    with fresh_database(postgres_server.dsn) as dsn:
        spec = Spec(
            name=f"test-{secrets.token_hex(4)}",
            servers=kafka_server.bootstrap_servers,
            dsn=dsn,
            seed=1,
            log=str(tmp_path / "executions.log"),
            is_mixed=False,
        )
        await prepare(spec)
        yield spec


async def test_a_slow_record_delays_other_keys_by_less_than_a_second(bench: Bench) -> None:
    found = await delays(bench, 6)
    assert found.slow >= 6
    assert len(found.seconds) > 30
    assert found.longest < 1


async def test_a_rolling_restart_under_load_executes_nothing_twice(
    spec: Spec, tmp_path: Path
) -> None:
    spec = msgspec.structs.replace(spec, concurrency=4, prompt_seconds=0.05)
    records = 1200
    await send(spec, [number % 200 for number in range(records)])
    async with Fleet(spec, tmp_path) as fleet:
        fleet.join()
        fleet.join()
        await until(lambda: len(executions(spec, "done")) > 20, seconds=60)
        for _ in range(2):
            fleet.join()
            await fleet.leave(0)
        assert executions(spec, "done").total() < records  # it was under load all the time
        await until(lambda: len(executions(spec, "done")) == records, seconds=90)
    assert executions(spec, "begun").total() == records
    assert fleet.cut_off == 0
    assert fleet.ends == []


async def test_scaling_out_and_in_under_load_executes_nothing_twice(
    spec: Spec, tmp_path: Path
) -> None:
    spec = msgspec.structs.replace(spec, concurrency=4, prompt_seconds=0.05)
    records = 1200
    await send(spec, [number % 200 for number in range(records)])
    async with Fleet(spec, tmp_path) as fleet:
        fleet.join()
        await until(lambda: len(executions(spec, "done")) > 20, seconds=60)
        fleet.join()
        fleet.join()
        so_far = executions(spec, "done").total()
        await until(lambda: executions(spec, "done").total() > so_far + 300, seconds=60)
        await fleet.leave(0)
        await fleet.leave(0)
        assert executions(spec, "done").total() < records  # it was under load all the time
        await until(lambda: len(executions(spec, "done")) == records, seconds=90)
    assert executions(spec, "begun").total() == records
    assert fleet.cut_off == 0


async def test_a_worker_whose_event_loop_is_blocked_ends(spec: Spec, tmp_path: Path) -> None:
    spec = msgspec.structs.replace(
        spec, scripts={0: Script.blocks}, seconds=600.0, blocked_seconds=2.0
    )
    await send(spec, [0])
    async with Fleet(spec, tmp_path) as fleet:
        fleet.join()
        await until(lambda: len(fleet.ends) > 0, seconds=60)
        fleet.members[0].kill()  # it would block again
    assert fleet.ends[0] == 1
    assert "in _act" in (tmp_path / "worker-1.log").read_text()  # the stacks say where


async def test_a_worker_whose_membership_is_no_longer_kept_ends(spec: Spec, tmp_path: Path) -> None:
    spec = msgspec.structs.replace(spec, scripts={0: Script.orphans})
    await send(spec, [0])
    async with Fleet(spec, tmp_path) as fleet:
        fleet.join()
        await until(lambda: len(fleet.ends) > 0, seconds=60)
    assert fleet.ends[0] == STUCK
    assert "stuck: " in (tmp_path / "worker-1.log").read_text()
