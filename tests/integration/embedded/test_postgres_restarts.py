"""A PostgreSQL keeps what it was given, whether it was stopped or killed."""

import asyncio
import os
import signal
import stat
from pathlib import Path

import asyncpg
import pytest

from runtime.embedded import EmbeddedPostgres, EmbeddedServerError


@pytest.mark.asyncio
async def test_keeps_address_and_rows_over_a_stop_and_a_kill(tmp_path: Path) -> None:
    folder = tmp_path / "with space, comma & ünïcode"
    async with EmbeddedPostgres(folder) as first:
        dsn = first.dsn
        await _execute(dsn, "CREATE TABLE kept (value int)")
        await _execute(dsn, "INSERT INTO kept VALUES (1)")

    second = EmbeddedPostgres(folder)
    await second.start()
    assert second.dsn == dsn
    await _execute(dsn, "INSERT INTO kept VALUES (2)")
    idle = await asyncpg.connect(dsn)  # a session that outlives the killed server for a moment
    os.kill(second.pid, signal.SIGKILL)
    assert (folder / "pgdata" / "postmaster.pid").exists()

    await second.stop()
    async with EmbeddedPostgres(folder) as third:
        connection = await asyncpg.connect(third.dsn)
        assert await connection.fetchval("SELECT array_agg(value ORDER BY value) FROM kept") == [
            1,
            2,
        ]
        await connection.close()
    idle.terminate()


@pytest.mark.asyncio
async def test_heals_a_lock_file_that_names_a_living_stranger(tmp_path: Path) -> None:
    # After a crash of the machine, the process id in the lock file may belong to any program.
    async with EmbeddedPostgres(tmp_path):
        lock = (tmp_path / "pgdata" / "postmaster.pid").read_text()
    stranger = lock.replace(lock.splitlines()[0], str(os.getppid()), 1)
    (tmp_path / "pgdata" / "postmaster.pid").write_text(stranger)
    async with EmbeddedPostgres(tmp_path) as healed:
        await _execute(healed.dsn, "SELECT 1")


@pytest.mark.asyncio
async def test_the_same_object_starts_again_after_its_server_ended_by_itself(
    tmp_path: Path,
) -> None:
    server = EmbeddedPostgres(tmp_path)
    await server.start()
    os.kill(server.pid, signal.SIGKILL)
    await asyncio.wait_for(_end_of(server), timeout=10)
    await server.start()
    await _execute(server.dsn, "SELECT 1")
    await server.stop()
    assert not server.is_running


@pytest.mark.asyncio
async def test_starting_twice_is_refused_and_leaves_the_server_running(tmp_path: Path) -> None:
    async with EmbeddedPostgres(tmp_path) as server:
        with pytest.raises(EmbeddedServerError, match="already running"):
            await server.start()
        await _execute(server.dsn, "SELECT 1")


@pytest.mark.asyncio
async def test_heals_a_first_start_that_was_cut_short(tmp_path: Path) -> None:
    (tmp_path / "pgdata.partial").mkdir()
    (tmp_path / "pgdata.partial" / "PG_VERSION").write_text("18\n")
    async with EmbeddedPostgres(tmp_path) as server:
        await _execute(server.dsn, "SELECT '[1]'::vector")


@pytest.mark.asyncio
async def test_the_passwords_are_for_the_owners_eyes_only(tmp_path: Path) -> None:
    async with EmbeddedPostgres(tmp_path) as server:
        kept = tmp_path / "passwords.json"
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        password = server.dsn.split(":")[2].split("@")[0]
        assert password in kept.read_text()
        assert _files_with(password, tmp_path) == [kept]


async def _end_of(server: EmbeddedPostgres) -> None:
    while server.is_running:  # noqa: ASYNC110 - the kernel sets no asyncio.Event
        await asyncio.sleep(0.01)


def _files_with(text: str, folder: Path) -> list[Path]:
    files = [file for file in folder.rglob("*") if file.is_file()]
    return [file for file in files if text.encode() in file.read_bytes()]


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
