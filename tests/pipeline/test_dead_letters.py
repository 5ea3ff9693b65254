"""From a record that no worker can handle to a job that ends well: dead letters and redriving."""

import json
import os
import secrets
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from typer.testing import CliRunner

from cli.main import app
from runtime.kafka import KafkaConnection, Publisher
from tests.fixtures.stack import Running
from tests.pipeline.conftest import upload, wait

PATH = "/api/v2/admin/dead-letters"
#: The records are seen by the leading gateway within seconds.
COPIED_SECONDS = 30.0


def ragline(running: Running, *arguments: str) -> tuple[int, Any]:
    """Run a command against the stack, as its operator; returns its status and its JSON."""
    where = ["--url", running.url, "--email", running.access.email, "--password-stdin", "--json"]
    result = CliRunner().invoke(
        app, ["dead-letters", *arguments, *where], input=f"{running.access.password}\n"
    )
    return result.exit_code, json.loads(result.stdout)


def letters(client: httpx.Client, count: int = 1, **query: str) -> list[dict[str, Any]]:
    """Return the dead letters that fit, once there are so many."""
    deadline = time.monotonic() + COPIED_SECONDS
    found: list[dict[str, Any]] = []
    while time.monotonic() < deadline:
        found = client.get(PATH, params=query).json()["data"]
        if len(found) >= count:
            return found
        time.sleep(0.1)
    raise AssertionError(f"only {found}")


@contextmanager
def stopped(running: Running, worker: str) -> Iterator[None]:
    """Let a worker stand still."""
    os.kill(running.pid(worker), signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(running.pid(worker), signal.SIGCONT)


def without_its_file(running: Running, client: httpx.Client, name: str) -> tuple[Any, Path, bytes]:
    """Upload a document whose file disappears before it is parsed; returns it and the file."""
    content = f"The {name} heron nests in {secrets.token_hex(4)}.".encode()
    with stopped(running, "parser"):
        accepted = upload(client, f"{name}.txt", content)
        [path] = [
            path
            for path in (running.folder / "blobs").rglob("*")
            if accepted["document_id"] in str(path) and path.is_file()
        ]
        kept = path.read_bytes()
        path.unlink()
    assert wait(client, accepted["job_id"])["error"]["code"] == "missing_blob"
    return accepted, path, kept


def test_a_redriven_dead_letter_succeeds_and_its_job_turns_indexed(
    running: Running, client: httpx.Client
) -> None:
    accepted, path, kept = without_its_file(running, client, "grey")
    [letter] = letters(client, document_id=accepted["document_id"])
    assert (letter["group"], letter["code"], letter["state"]) == (
        "parser",
        "missing_blob",
        "waiting",
    )
    path.write_bytes(kept)

    status, result = ragline(running, "redrive", letter["dead_letter_id"])

    assert (status, result) == (0, {"redriven": [letter["dead_letter_id"]], "refused": []})
    job = wait(client, accepted["job_id"])
    assert (job["status"], job["error"]) == ("indexed", None)
    assert [stage["state"] for stage in job["stages"]] == ["done"] * 3
    assert letters(client, document_id=accepted["document_id"])[0]["state"] == "redriven"


def test_what_fails_again_is_another_dead_letter_that_counts_its_redrives(
    running: Running, client: httpx.Client
) -> None:
    accepted, _, _ = without_its_file(running, client, "night")
    document = accepted["document_id"]
    [first] = letters(client, document_id=document)

    assert ragline(running, "redrive", "--document", document)[0] == 0

    [second] = letters(client, document_id=document, state="waiting")
    assert second["dead_letter_id"] != first["dead_letter_id"]
    assert (first["redrives"], second["redrives"]) == (0, 1)
    details = client.get(f"{PATH}/{second['dead_letter_id']}").json()
    assert details["origin"]["topic"] == "documents.uploaded.v1"
    assert wait(client, accepted["job_id"])["status"] == "failed"

    assert ragline(running, "discard", "--document", document) == (
        0,
        {"discarded": [second["dead_letter_id"]]},
    )
    status, refused = ragline(running, "redrive", second["dead_letter_id"])
    assert (status, refused["refused"][0]["code"]) == (1, "dead_letter_settled")


def test_a_deleted_documents_dead_letter_is_gone(running: Running, client: httpx.Client) -> None:
    accepted, _, _ = without_its_file(running, client, "purple")
    document = accepted["document_id"]
    letters(client, document_id=document)
    assert client.delete(f"/api/v2/documents/{document}").status_code == 204
    assert ragline(running, "list", "--document", document)[1]["data"] == []


def test_poison_does_not_stop_its_partition_and_is_kept(
    running: Running, client: httpx.Client
) -> None:
    key, poison = secrets.token_hex(8), b"\xff\x00 no event of ours"
    running.do(_publish(running, key, poison))
    deadline = time.monotonic() + COPIED_SECONDS
    found: list[dict[str, Any]] = []
    while not found and time.monotonic() < deadline:
        ids = [letter["dead_letter_id"] for letter in letters(client, 0, code="undecodable_event")]
        shown = [client.get(f"{PATH}/{one}").json() for one in ids]
        found = [letter for letter in shown if letter["key"] == key]
        time.sleep(0.1)
    [letter] = found
    assert (letter["group"], letter["event"], letter["size"]) == ("parser", None, len(poison))
    assert ragline(running, "show", letter["dead_letter_id"])[1] == letter


async def _publish(running: Running, key: str, value: bytes) -> None:
    publisher = Publisher(KafkaConnection.of(running.settings), client_id="test")
    try:
        await publisher.publish_raw(topic="documents.uploaded.v1", key=key, value=value, headers={})
    finally:
        await publisher.stop()
