"""What stands in the way of a start is said in one sentence a person can act on."""

import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from runtime.embedded import EmbeddedKafka, EmbeddedPostgres, EmbeddedServerError
from runtime.embedded.folder import prepare
from runtime.embedded.kafka_setup import KafkaSetup
from runtime.embedded.ports import free_port
from runtime.embedded.process import ServerProcess

_DEAF = "trap '' TERM; echo ready; while :; do sleep 0.1; done"


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", free_port()))
        other.listen()
        yield other.getsockname()[1]


@pytest.mark.asyncio
async def test_an_asked_port_in_use_is_named(tmp_path: Path, taken_port: int) -> None:
    server = EmbeddedPostgres(tmp_path, port=taken_port)
    with pytest.raises(EmbeddedServerError, match=f"^Port {taken_port} .* ask for another port"):
        await server.start()


@pytest.mark.asyncio
@pytest.mark.usefixtures("kafka_server")  # by then the jars are in the cache
async def test_a_remembered_port_in_use_is_named_with_the_file_to_delete(
    tmp_path: Path, taken_port: int
) -> None:
    (tmp_path / "port").write_text(f"{taken_port}\n")
    server = EmbeddedKafka(tmp_path)
    with pytest.raises(EmbeddedServerError, match=f"^Port {taken_port} .* delete {tmp_path}/port"):
        await server.start()


@pytest.mark.asyncio
async def test_a_refused_start_gives_the_folder_up(tmp_path: Path, taken_port: int) -> None:
    with pytest.raises(EmbeddedServerError):
        await EmbeddedPostgres(tmp_path, port=taken_port).start()
    async with EmbeddedPostgres(tmp_path, port=free_port()) as server:
        assert server.pid


def test_a_nearly_full_disk_is_named_with_what_is_needed(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedServerError, match=f"disk of {tmp_path} is nearly full"):
        prepare(tmp_path, server="Kafka", least_free_bytes=2**62)


@pytest.mark.asyncio
async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedServerError, match=r"cannot keep its data in .*file/postgres"):
        await EmbeddedPostgres(tmp_path / "file" / "postgres").start()


def test_a_java_that_this_machine_cannot_execute_is_named(tmp_path: Path) -> None:
    java = tmp_path / "java"
    java.write_bytes(b"\x7fELF of another architecture")
    java.chmod(0o755)
    setup = KafkaSetup(folder=tmp_path, java=java, class_path="", heap="64m")
    with pytest.raises(EmbeddedServerError, match=f"{java} cannot be executed .*URL of a real"):
        setup.write(free_port())


@pytest.mark.asyncio
async def test_a_server_that_ends_during_its_start_is_quoted(tmp_path: Path) -> None:
    async with EmbeddedPostgres(tmp_path):
        pass
    with (tmp_path / "pgdata" / "postgresql.conf").open("a") as configuration:
        configuration.write("work_mem = 'a lot'\n")
    with pytest.raises(EmbeddedServerError) as caught:
        await EmbeddedPostgres(tmp_path).start()
    assert "ended while it was starting (exit status 1)" in str(caught.value)
    assert "FATAL" in str(caught.value)
    assert str(tmp_path / "logs") in str(caught.value)


@pytest.mark.asyncio
async def test_a_server_that_does_not_answer_is_not_awaited_for_ever(tmp_path: Path) -> None:
    process = ServerProcess(
        name="Sleeper", data_dir=tmp_path, stop_signal=signal.SIGTERM, stop_seconds=5.0
    )
    await process.claim()
    process.spawn(["/bin/sleep", "60"], cwd=tmp_path)
    with pytest.raises(EmbeddedServerError, match=r"^Sleeper did not answer within 0 seconds"):
        await process.wait_until(_never, seconds=0.2)
    await process.stop()


@pytest.mark.asyncio
async def test_a_server_that_ignores_the_request_to_stop_is_killed(tmp_path: Path) -> None:
    process = ServerProcess(
        name="Stubborn", data_dir=tmp_path, stop_signal=signal.SIGTERM, stop_seconds=0.3
    )
    await process.claim()
    process.spawn(["/bin/sh", "-c", _DEAF], cwd=tmp_path)
    await process.wait_until(lambda: _said(process, "ready"), seconds=5)
    await process.stop()
    assert not psutil.pid_exists(process.pid)


@pytest.mark.asyncio
async def test_data_of_another_major_version_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "pgdata").mkdir()
    (tmp_path / "pgdata" / "PG_VERSION").write_text("17\n")
    with pytest.raises(EmbeddedServerError, match="is of PostgreSQL 17 and this one is 18"):
        await EmbeddedPostgres(tmp_path).start()


@pytest.mark.asyncio
async def test_lost_passwords_are_named(tmp_path: Path) -> None:
    async with EmbeddedPostgres(tmp_path):
        pass
    (tmp_path / "passwords.json").unlink()
    with pytest.raises(EmbeddedServerError, match=r"passwords\.json"):
        await EmbeddedPostgres(tmp_path).start()


async def _never() -> bool:
    return False


async def _said(process: ServerProcess, word: str) -> bool:
    return any(word in file.read_text() for file in process.log_dir.iterdir())
