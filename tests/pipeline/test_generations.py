"""Another way to index is built beside the active one, promoted, rolled back and dropped."""

import os
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg
import httpx
import pytest

from tests.fixtures.stack import Running
from tests.pipeline.conftest import chunks, indexed, upload, wait

PATH = "/api/v2/admin/generations"
#: Four sentences, so that `sentence_2` and `sentence_1` differ from `sentence_5`.
TEXT = (
    "The {0} lighthouse burns oil of rape. Its keeper climbs 193 steps. "
    "The lamp of {0} turns in mercury. In fog a horn of brass sounds twice."
)


@pytest.fixture
def operator(running: Running) -> Iterator[httpx.Client]:
    """A client of the first user, who operates the installation."""
    client = running.client()
    yield client
    client.close()


def until(
    operator: httpx.Client, number: int, fits: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """Return the generation when it fits."""
    deadline = time.monotonic() + 120
    found: dict[str, Any] = {}
    while time.monotonic() < deadline:
        found = operator.get(f"{PATH}/{number}").json()
        if fits(found):
            return found
        time.sleep(0.2)
    raise AssertionError(found)


def build(operator: httpx.Client, **body: Any) -> int:
    answer = operator.post(PATH, json=body)
    assert answer.status_code == 202, answer.text
    return int(answer.json()["generation_id"])


def active(operator: httpx.Client) -> int:
    [one] = [g for g in operator.get(PATH).json()["data"] if g["state"] == "active"]
    return int(one["generation_id"])


def promoted(operator: httpx.Client, number: int) -> dict[str, Any]:
    answer = operator.post(f"{PATH}/{number}/promote", json={})
    assert answer.status_code == 202, answer.text
    return until(operator, number, lambda g: g["state"] == "active" or g["problem"])


async def rows(running: Running, statement: str, *values: object) -> list[asyncpg.Record]:
    """Return what the first user's tenant has."""
    assert running.settings.database_url is not None
    connection = await asyncpg.connect(running.settings.database_url.get_secret_value())
    try:
        await connection.execute("SET ROLE ragline_system")
        tenant = await connection.fetchval(
            "SELECT tenant_id FROM users WHERE email = $1", running.access.email
        )
        await connection.execute(f"SET ROLE ragline_app; SET ragline.tenant = '{tenant}'")
        return list(await connection.fetch(statement, *values))
    finally:
        await connection.close()


@contextmanager
def searching(operator: httpx.Client) -> Generator[list[tuple[int, bool]]]:
    """Ask all the time; collect the status of each answer, and whether it found something."""
    found: list[tuple[int, bool]] = []
    stopping = threading.Event()

    def ask() -> None:
        question = {"query": "How many steps does the keeper climb?", "threshold": -1}
        with httpx.Client(
            base_url=operator.base_url, headers=operator.headers, trust_env=False, timeout=30
        ) as client:
            while not stopping.is_set():
                answer = client.post("/api/v2/search", json=question)
                found.append((answer.status_code, bool(answer.json().get("results"))))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield found
    finally:
        stopping.set()
        asking.join()


def parsed_pages(running: Running) -> float:
    """Return how many pages the parser has parsed since it started."""
    port = (running.folder / "run" / "parser.port").read_text(encoding="ascii")
    text = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
    return sum(
        float(line.rsplit(" ", 1)[1])
        for line in text.splitlines()
        if line.startswith("ragline_pages_parsed_total{")
    )


def test_a_generation_is_built_under_uploads_promoted_rolled_back_and_dropped(
    operator: httpx.Client, running: Running
) -> None:
    before = active(operator)
    old = [indexed(operator, f"old-{n}.txt", TEXT.format(f"Old{n}").encode()) for n in range(6)]
    parses = parsed_pages(running)
    number = build(operator, chunking="sentence_2")
    assert operator.post(PATH, json={"chunking": "sentence_2"}).status_code == 409
    during = [upload(operator, f"new-{n}.txt", TEXT.format(f"New{n}").encode()) for n in range(6)]
    for job in during:
        assert wait(operator, job["job_id"])["status"] == "indexed"
    assert active(operator) == before
    until(operator, number, lambda g: g["step"] == "built")
    with searching(operator) as found:
        assert promoted(operator, number)["problem"] is None
        time.sleep(0.5)
    assert len(found) > 2
    assert set(found) == {(200, True)}
    for job in [*old, *during]:
        found = chunks(operator, job["document_id"])
        assert [c["ordinal"] for c in found] == [0, 1]
    # No page was parsed for it: the parses are those of the uploads meanwhile.
    assert parsed_pages(running) == parses + len(during)
    _expect_fed(operator, running, before, number)
    assert operator.post(f"{PATH}/rollback", json={}).json()["generation_id"] == before
    assert len(chunks(operator, old[0]["document_id"])) == 1
    assert operator.delete(f"{PATH}/{before}").status_code == 409
    assert operator.delete(f"{PATH}/{number}").json()["state"] == "dropped"


def _expect_fed(operator: httpx.Client, running: Running, retired: int, active: int) -> None:
    """What is uploaded now goes into both."""
    job = indexed(operator, "both.txt", TEXT.format("Both").encode())
    deadline = time.monotonic() + 30
    counts: dict[int, int] = {}
    while time.monotonic() < deadline and counts != {retired: 1, active: 2}:
        found = running.do(
            rows(
                running,
                "SELECT generation_id, chunks_done FROM document_generations "
                "WHERE document_id = $1::text::uuid AND indexed_at IS NOT NULL",
                job["document_id"],
            )
        )
        counts = {row["generation_id"]: row["chunks_done"] for row in found}
    assert counts == {retired: 1, active: 2}


def test_a_paused_build_of_killed_workers_goes_on_where_it_was(
    operator: httpx.Client, running: Running
) -> None:
    jobs = [indexed(operator, f"p-{n}.txt", TEXT.format(f"Pause{n}").encode()) for n in range(8)]
    number = build(operator, chunking="sentence_1", max_rate=4)
    until(operator, number, lambda g: g["documents"] >= 2)
    assert operator.post(f"{PATH}/{number}/pause").json()["step"] == "paused"
    deadline = time.monotonic() + 30
    while len(running.stack.builds.children) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    for child in running.stack.builds.children:
        if child.pid is not None:
            os.kill(child.pid, signal.SIGKILL)
    time.sleep(1)
    assert operator.get(f"{PATH}/{number}").json()["step"] == "paused"
    resumed = operator.post(f"{PATH}/{number}/resume", json={"max_rate": 1000})
    assert resumed.json()["step"] == "building"
    # A document that goes meanwhile goes from all generations.
    gone = jobs.pop()["document_id"]
    assert operator.delete(f"/api/v2/documents/{gone}").status_code == 204
    until(operator, number, lambda g: g["step"] == "built")
    found = running.do(
        rows(
            running,
            f"SELECT document_id::text AS id, count(*) AS n FROM chunks_g{number} GROUP BY 1",  # noqa: S608 - a number
        )
    )
    counted = {row["id"]: row["n"] for row in found}
    assert gone not in counted
    assert [counted[job["document_id"]] for job in jobs] == [4] * len(jobs)
    assert operator.delete(f"{PATH}/{number}").status_code == 200
