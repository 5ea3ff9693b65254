"""Processes are killed while work is under way: nothing is lost, nothing is done twice."""

import os
import signal
import time

import httpx
import pytest

from contracts.topics import WORKERS
from tests.fixtures.stack import Running
from tests.pipeline.conftest import chunks, upload, wait


@pytest.mark.parametrize("name", WORKERS)
def test_a_killed_worker_comes_back_and_finishes(
    client: httpx.Client, running: Running, name: str
) -> None:
    texts = [
        f"Crash of {name}, document {number}. " * 40 + "The end of it." for number in range(12)
    ]
    jobs = [
        upload(client, f"{name}-{number}.txt", text.encode()) for number, text in enumerate(texts)
    ]
    before = running.pid(name)
    os.kill(before, signal.SIGKILL)
    for job in jobs:
        ended = wait(client, job["job_id"])
        assert ended["status"] == "indexed", ended
        spans = [(c["ordinal"], c["char_start"]) for c in chunks(client, job["document_id"])]
        assert len(spans) == len(set(spans)) == ended["chunks"]
    deadline = time.monotonic() + 30
    while running.pid(name) == before and time.monotonic() < deadline:
        time.sleep(0.1)
    assert running.pid(name) != before


def test_a_killed_gateway_has_kept_what_it_accepted(client: httpx.Client, running: Running) -> None:
    jobs = [
        upload(client, f"gateway-{number}.txt", f"Kept {number}. Surely kept.".encode())
        for number in range(10)
    ]
    os.kill(running.pid("gateway"), signal.SIGKILL)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if client.get("/health/ready").status_code == 200:
                break
        except httpx.HTTPError:
            time.sleep(0.2)
    for job in jobs:
        assert wait(client, job["job_id"])["status"] == "indexed"
