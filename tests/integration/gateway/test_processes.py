"""The gateway as a process: starts without Kafka, loses nothing, takes over, ends well."""

import asyncio
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaConsumer

from contracts.topics import DOCUMENTS_UPLOADED
from runtime.embedded import EmbeddedKafka
from tests.integration.gateway.processes import GatewayProcess, gateway_process
from tests.integration.gateway.serving import create_topics


@pytest.fixture
def settings(database: str, topics: str, tmp_path: Path) -> dict[str, Any]:
    return {
        "environment": "test",
        "database_url": database,
        "kafka_bootstrap_servers": topics,
        "blob_url": (tmp_path / "blobs").as_uri(),
        "jwt_secret": "a secret of more than thirty-two bytes, for tests",
        "port": 0,
        "drain_seconds": 3,
    }


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[EmbeddedKafka]:
    """A Kafka of the test's own, with topics; to be stopped and started."""
    server = EmbeddedKafka(tmp_path / "kafka", heap="256m")
    in_thread(server.start)
    in_thread(lambda: create_topics(server.bootstrap_servers))
    yield server
    in_thread(server.stop)


def in_thread(work: Callable[[], Any]) -> Any:
    """Do asynchronous work where an event loop may be running already."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(_do(work))).result()


async def _do(work: Callable[[], Any]) -> Any:
    return await work()


def wait_until(holds: Callable[[], bool], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        threading.Event().wait(0.1)


def is_in_kafka(servers: str, document: str) -> bool:
    async def look() -> bool:
        consumer = AIOKafkaConsumer(
            DOCUMENTS_UPLOADED.name, bootstrap_servers=servers, auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            ends = await consumer.end_offsets(consumer.assignment())
            for partition, end in ends.items():
                while await consumer.position(partition) < end:
                    batches = await consumer.getmany(partition, timeout_ms=500)
                    if any(
                        record.key == document.encode() for record in batches.get(partition, [])
                    ):
                        return True
            return False
        finally:
            await consumer.stop()

    return bool(in_thread(look))


def readiness(gateway: GatewayProcess) -> tuple[int, str]:
    with gateway.client() as client:
        answer = client.get("/health/ready")
    return answer.status_code, answer.json().get("detail", "")


def test_uploads_are_accepted_while_kafka_is_away_and_published_when_it_is_back(
    settings: dict[str, Any], own_kafka: EmbeddedKafka, tmp_path: Path
) -> None:
    servers = own_kafka.bootstrap_servers
    in_thread(own_kafka.stop)
    settings["kafka_bootstrap_servers"] = servers
    with gateway_process(tmp_path / "log", **settings) as gateway:
        status, detail = readiness(gateway)
        assert status == 503
        assert "kafka" in detail
        assert "database" not in detail
        ada = gateway.register("away@example.org")
        before = ada.uploaded(b"Before Kafka was there.")["document_id"]
        in_thread(own_kafka.start)
        wait_until(lambda: is_in_kafka(servers, before))
        wait_until(lambda: readiness(gateway)[0] == 200)

        own_kafka.kill()
        during = ada.uploaded(b"While Kafka was killed.")["document_id"]
        wait_until(lambda: "kafka" in readiness(gateway)[1])
        in_thread(own_kafka.stop)  # lets go of the folder
        in_thread(own_kafka.start)
        wait_until(lambda: is_in_kafka(servers, during))
        ada.close()


def test_another_gateway_takes_over_from_one_that_is_killed(
    settings: dict[str, Any], topics: str, tmp_path: Path
) -> None:
    with gateway_process(tmp_path / "first", **settings) as first:
        first.logged("leadership_taken")
        with gateway_process(tmp_path / "second", **settings) as second:
            ada = second.register("takeover@example.org")
            one = ada.uploaded(b"The first one leads.")["document_id"]
            wait_until(lambda: is_in_kafka(topics, one))
            assert not second.has_logged("leadership_taken")
            first.process.send_signal(signal.SIGKILL)
            two = ada.uploaded(b"Nobody leads for a moment.")["document_id"]
            second.logged("leadership_taken")
            wait_until(lambda: is_in_kafka(topics, two))
            ada.close()


def test_a_gateway_that_is_told_to_stop_ends_with_its_streams(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    with gateway_process(tmp_path / "log", **settings) as gateway:
        ada = gateway.register("stopped@example.org")
        job = ada.uploaded()["job_id"]
        with ada.stream("GET", f"/api/v2/jobs/{job}/events") as answer:
            lines = answer.iter_lines()
            next(lines)
            gateway.process.terminate()
            assert any("come back" in line for line in lines)
        assert gateway.process.wait(10) == 0
        assert gateway.has_logged("gateway_stopped")
        ada.close()


def test_a_port_in_use_is_said_in_one_sentence(settings: dict[str, Any], tmp_path: Path) -> None:
    with gateway_process(tmp_path / "first", **settings) as first:
        taken = httpx.URL(first.url).port
        with gateway_process(tmp_path / "second", **settings | {"port": taken}) as second:
            assert second.process.wait(30) != 0
            assert f"cannot listen on 127.0.0.1:{taken}" in second.log.read_text()
