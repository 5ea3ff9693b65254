"""What was read is read again: some records, a whole group, or everything from the log."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import asyncpg
import httpx
import pytest

from tests.fixtures.stack import Running
from tests.pipeline.conftest import chunks, indexed, wait
from tests.pipeline.test_generations import parsed_pages

Raw: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

PATH = "/api/v2/admin/replays"
TEXT = "The ferry {0} leaves at dawn. It carries {0} sheep. Nobody pays for the dog of {0}."
#: Everything that is derived from documents, except the cache of embeddings.
DERIVED = ("chunks_g1", "document_generations", "ledger", "job_stages", "jobs")


@pytest.fixture
def operator(running: Running) -> Iterator[httpx.Client]:
    """A client of the first user, who operates the installation."""
    client = running.client()
    yield client
    client.close()


def ended(operator: httpx.Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Order a replay and return it once it is handed to the workers."""
    answer = operator.post(path, json=body)
    assert answer.status_code == 202, answer.text
    found = answer.json()
    until(lambda: _of(operator, found["replay_id"])["state"] != "running")
    return _of(operator, found["replay_id"])


def _of(operator: httpx.Client, replay_id: str) -> dict[str, Any]:
    return dict(operator.get(f"{PATH}/{replay_id}").json())


def until(fits: Callable[[], bool], *, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not fits():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.1)


def as_owner(running: Running, work: "Callable[[Raw], Awaitable[Any]]") -> Any:
    """Do something with every tenant's rows, as nobody does in production."""

    async def do() -> Any:
        assert running.settings.database_url is not None
        connection = await asyncpg.connect(running.settings.database_url.get_secret_value())
        try:
            return await work(connection)
        finally:
            await connection.close()

    return running.do(do())


def since_ever() -> str:
    return (datetime.now(UTC) - timedelta(hours=1)).isoformat()


def test_everything_derived_is_rebuilt_from_the_log_byte_for_byte(
    operator: httpx.Client, running: Running
) -> None:
    jobs = [indexed(operator, f"f{n}.txt", TEXT.format(n).encode()) for n in range(8)]
    gone = indexed(operator, "gone.txt", TEXT.format("gone").encode())
    assert operator.delete(f"/api/v2/documents/{gone['document_id']}").status_code == 204
    before = {job["document_id"]: chunks(operator, job["document_id"]) for job in jobs}
    parses = parsed_pages(running)

    async def lose(connection: Raw) -> None:
        await connection.execute(f"TRUNCATE {', '.join(DERIVED)} CASCADE")

    as_owner(running, lose)
    assert operator.get("/api/v2/documents").json()["data"] == []
    replay = ended(operator, f"{PATH}/rebuild", {})
    assert (replay["state"], replay["problem"]) == ("done", None)
    until(lambda: all(_is_indexed(operator, job["job_id"]) for job in jobs))
    assert {document: chunks(operator, document) for document in before} == before
    assert parsed_pages(running) == parses
    assert operator.get(f"/api/v2/documents/{gone['document_id']}").status_code == 404

    async def tokens(connection: Raw) -> Any:
        await connection.execute("SET ROLE ragline_system")
        return await connection.fetchval("SELECT sum(embedding_tokens) FROM document_generations")

    assert as_owner(running, tokens) == 0  # every vector came from the cache


def _is_indexed(operator: httpx.Client, job_id: str) -> bool:
    answer = operator.get(f"/api/v2/jobs/{job_id}")
    return answer.status_code == 200 and answer.json()["status"] == "indexed"


def test_some_records_are_read_again_beside_live_work(
    operator: httpx.Client, running: Running
) -> None:
    job = indexed(operator, "again.txt", TEXT.format("again").encode())
    document = job["document_id"]
    before = chunks(operator, document)

    async def break_it(connection: Raw) -> None:
        await _as_tenant_of(connection, document)
        await connection.execute(
            "DELETE FROM chunks_g1 WHERE document_id = $1::text::uuid", document
        )

    as_owner(running, break_it)
    assert chunks(operator, document) == []
    body = {"group": "embedder", "since": since_ever(), "document_id": document}
    # What is not committed yet is not read again: it would be read anyway.
    until(lambda: operator.post(f"{PATH}/plan", json=body).json()["records"] == 1)
    planned = operator.post(f"{PATH}/plan", json=body).json()
    assert (planned["kind"], planned["records"], planned["is_complete"]) == ("selective", 1, True)
    assert chunks(operator, document) == []  # planning changes nothing
    for _ in range(2):  # twice is once
        replay = ended(operator, PATH, body)
        assert (replay["state"], replay["published"]) == ("done", 1)
        until(lambda: chunks(operator, document) == before)


async def _as_tenant_of(connection: Raw, document: str) -> None:
    await connection.execute("SET ROLE ragline_system")
    tenant = await connection.fetchval(
        "SELECT tenant_id FROM documents WHERE document_id = $1::text::uuid", document
    )
    await connection.execute(f"SET ROLE ragline_app; SET ragline.tenant = '{tenant}'")


def test_a_whole_group_is_refused_while_it_has_members_and_read_again_without(
    operator: httpx.Client, running: Running
) -> None:
    job = indexed(operator, "whole.txt", TEXT.format("whole").encode())
    before = chunks(operator, job["document_id"])
    body = {"group": "embedder", "since": since_ever()}
    refused = operator.post(PATH, json=body)
    assert refused.status_code == 409
    assert "stop every embedder" in refused.json()["detail"]
    [embedder] = [child for child in running.stack.children if child.name == "embedder"]
    running.do(embedder.stop(seconds=20))
    until(lambda: operator.post(f"{PATH}/plan", json=body).json()["members"] == 0)

    async def break_it(connection: Raw) -> None:
        await _as_tenant_of(connection, job["document_id"])
        await connection.execute("UPDATE document_generations SET embedding_tokens = 7")
        await connection.execute("DELETE FROM chunks_g1")

    as_owner(running, break_it)
    replay = ended(operator, PATH, body)
    assert (replay["kind"], replay["state"]) == ("group", "done")
    assert replay["records"] >= 1
    watching = running.do(_start(embedder))
    try:
        until(lambda: chunks(operator, job["document_id"]) == before)
    finally:
        del watching


async def _start(child: Any) -> asyncio.Task[None]:
    child._stopping.clear()  # noqa: SLF001 - nobody else starts again what was stopped
    return asyncio.create_task(child.watch())


def test_a_document_is_parsed_anew_as_the_next_version(
    operator: httpx.Client, running: Running
) -> None:
    job = indexed(operator, "better.txt", TEXT.format("better").encode())
    document = job["document_id"]
    before, parses = chunks(operator, document), parsed_pages(running)
    answer = operator.post(f"/api/v2/documents/{document}/reprocess", json={"force_parse": True})
    assert answer.status_code == 202, answer.text
    assert answer.json()["version"] == 2
    assert wait(operator, answer.json()["job_id"])["status"] == "indexed"
    assert parsed_pages(running) == parses + 1
    now = chunks(operator, document)
    assert [chunk["text"] for chunk in now] == [chunk["text"] for chunk in before]
    assert {chunk["chunk_id"] for chunk in now}.isdisjoint(c["chunk_id"] for c in before)


def test_documents_of_a_filter_are_chunked_again_and_keep_their_ids(
    operator: httpx.Client, running: Running
) -> None:
    job = indexed(operator, "kb.txt", TEXT.format("kb").encode(), knowledge_base="ferries")
    before, parses = chunks(operator, job["document_id"]), parsed_pages(running)

    async def lose(connection: Raw) -> None:
        await _as_tenant_of(connection, job["document_id"])
        await connection.execute(
            "DELETE FROM chunks_g1 WHERE document_id = $1::text::uuid", job["document_id"]
        )

    as_owner(running, lose)
    answer = operator.post("/api/v2/documents/reprocess", json={"knowledge_base": "ferries"})
    found = answer.json()
    assert [one["document_id"] for one in found["reprocessed"]] == [job["document_id"]]
    assert (found["refused"], found["has_more"]) == ([], False)
    until(lambda: chunks(operator, job["document_id"]) == before)
    assert parsed_pages(running) == parses
