"""An upload is stored, accepted once, and announced; whatever goes wrong leaves nothing behind."""

import json
import select
import socket
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from contracts import codec, ids
from contracts.documents import DocumentUploaded
from contracts.ids import TenantId
from contracts.topics import DOCUMENTS_UPLOADED
from store import Store
from store.relay import OutboxRow
from tests.integration.gateway.conftest import MIB
from tests.integration.gateway.serving import Client, Gateway


async def outbox_of(store: Store, client: Client) -> list[OutboxRow]:
    async with store.system() as tx:
        rows = await tx.relay.waiting(limit=1000, tenant_in_flight=500)
    return [row for row in rows if str(row.tenant_id) == client.user["tenant_id"]]


def files_of(folder: Path, client: Client) -> list[str]:
    tenant = client.user["tenant_id"]
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and tenant in str(path)
    )


def test_an_upload_is_accepted_and_its_job_can_be_followed(ada: Client) -> None:
    answer = ada.upload(b"Some text.", "../../notes.txt", metadata='{"author": "Ada"}')
    assert answer.status_code == 202
    accepted = answer.json()
    assert accepted["status"] == "accepted"
    assert accepted["deduplicated"] is False
    job = ada.get(answer.headers["Location"]).json()
    assert job["job_id"] == accepted["job_id"]
    assert [stage["state"] for stage in job["stages"]] == ["waiting"] * 3
    document = ada.get(f"/api/v2/documents/{accepted['document_id']}").json()
    assert document["filename"] == "notes.txt"
    assert document["metadata"] == {"author": "Ada"}
    assert document["knowledge_base"] == "default"
    assert document["media_type"] == "text/plain"


def test_the_same_file_comes_back_byte_for_byte(ada: Client, blob_folder: Path) -> None:
    content = ("é" * 999 + "\n").encode() * 500
    document = ada.uploaded(content, 'Größe "1".txt')["document_id"]
    answer = ada.get(f"/api/v2/documents/{document}/content")
    assert answer.content == content
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert "Gr%C3%B6%C3%9Fe" in answer.headers["content-disposition"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert files_of(blob_folder, ada) == [f"{ada.user['tenant_id']}/{document}/1/original"]


@pytest.mark.asyncio
async def test_the_event_is_in_the_outbox_with_its_trace(ada: Client, store: Store) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    ada.headers["traceparent"] = f"00-{trace}-00f067aa0ba902b7-01"
    accepted = ada.uploaded(b"A file with a trace.")
    [row] = await outbox_of(store, ada)
    event = codec.decode(DOCUMENTS_UPLOADED, row.value or b"")
    assert isinstance(event, DocumentUploaded)
    assert str(event.document_id) == accepted["document_id"] == row.key
    assert str(row.job_id) == accepted["job_id"]
    assert event.blob_key.endswith("/1/original")
    assert row.headers["ce_type"] == "ragline.document_uploaded"
    assert row.headers["ce_id"] == str(ids.event_id("uploaded", event.document_id, 1))
    assert row.headers["traceparent"].split("-")[1] == trace
    assert ada.get(f"/api/v2/jobs/{accepted['job_id']}").json()["trace_id"] == trace


@pytest.mark.asyncio
async def test_the_same_bytes_are_the_same_document(
    ada: Client, store: Store, blob_folder: Path
) -> None:
    first = ada.uploaded(b"Twice.", "one.txt")
    second = ada.uploaded(b"Twice.", "two.txt")
    assert second == first | {"deduplicated": True}
    assert len(await outbox_of(store, ada)) == 1
    assert len(files_of(blob_folder, ada)) == 1


def test_the_same_bytes_of_another_tenant_are_another_document(ada: Client, bob: Client) -> None:
    assert ada.uploaded(b"Shared.")["document_id"] != bob.uploaded(b"Shared.")["document_id"]


@pytest.mark.asyncio
async def test_of_many_uploads_at_once_one_begins(
    ada: Client, store: Store, blob_folder: Path
) -> None:
    answers: list[dict[str, Any]] = []
    threads = [
        threading.Thread(target=lambda: answers.append(ada.uploaded(b"At once."))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer["deduplicated"] for answer in answers) == [False] + [True] * 7
    assert len({answer["job_id"] for answer in answers}) == 1
    assert len(await outbox_of(store, ada)) == 1
    assert len(files_of(blob_folder, ada)) == 1


@pytest.mark.asyncio
async def test_a_failed_document_begins_again_as_the_next_version(
    ada: Client, store: Store, blob_folder: Path
) -> None:
    first = ada.uploaded(b"Fails at first.")
    async with store.tenant(TenantId(ids.uuid.UUID(ada.user["tenant_id"]))) as tx:
        await tx.jobs.fail(
            ids.JobId(ids.uuid.UUID(first["job_id"])), stage="parse", code="x", message="No."
        )
    again = ada.uploaded(b"Fails at first.")
    assert again["document_id"] == first["document_id"]
    assert again["job_id"] != first["job_id"]
    assert again["deduplicated"] is False
    [path] = files_of(blob_folder, ada)
    assert path.endswith("/2/original")


def test_a_knowledge_base_can_be_named_and_listed(ada: Client) -> None:
    ada.upload(b"In books.", knowledge_base="books")
    ada.upload(b"In default.")
    listed = ada.get("/api/v2/documents", params={"knowledge_base": "books"}).json()
    assert [document["knowledge_base"] for document in listed["data"]] == ["books"]


def test_the_same_key_and_request_get_the_same_answer(ada: Client) -> None:
    ada.headers["Idempotency-Key"] = "key-1"
    first = ada.upload(b"Keyed.")
    again = ada.upload(b"Keyed.")
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["Location"] == first.headers["Location"]


def test_the_same_key_with_another_request_is_refused(ada: Client) -> None:
    ada.headers["Idempotency-Key"] = "key-1"
    ada.upload(b"Keyed.")
    for answer in (ada.upload(b"Another."), ada.upload(b"Keyed.", metadata='{"a": 1}')):
        assert answer.status_code == 422
        assert answer.json()["code"] == "idempotency_key_reused"


def test_one_key_sent_many_times_at_once_gets_one_answer(ada: Client) -> None:
    ada.headers["Idempotency-Key"] = "key-2"
    answers: list[Any] = []
    threads = [
        threading.Thread(target=lambda: answers.append(ada.upload(b"Once.").json()))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [answers[0]] * 6


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "ü"])
def test_an_idempotency_key_is_a_plain_word(ada: Client, key: str) -> None:
    headers = [("Idempotency-Key", key.encode())]
    answer = ada.post("/api/v2/upload", files={"file": ("a.txt", b"Text.")}, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "idempotency-key"


def test_what_is_refused_leaves_no_file(ada: Client, blob_folder: Path) -> None:
    assert ada.upload(b"x" * (9 * MIB)).status_code == 413
    assert ada.upload(b"Fine.", metadata="not json").status_code == 422
    assert ada.upload(b"MZ\x90\x00\x03" * 100, "a.txt").status_code == 415
    assert files_of(blob_folder, ada) == []


def _raw(gateway: Gateway, ada: Client, length: str, body: bytes) -> socket.socket:
    target = urlsplit(gateway.url)
    connection = socket.create_connection((target.hostname, target.port), timeout=10)
    connection.sendall(
        b"POST /api/v2/upload HTTP/1.1\r\nHost: x\r\n"
        b"Content-Type: multipart/form-data; boundary=xx\r\n"
        + f"Authorization: {ada.headers['Authorization']}\r\n{length}\r\n\r\n".encode()
        + body
    )
    return connection


_HEAD = b'--xx\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'


def test_a_client_that_leaves_in_the_middle_leaves_no_file(
    gateway: Gateway, ada: Client, blob_folder: Path
) -> None:
    connection = _raw(gateway, ada, f"Content-Length: {8 * MIB}", _HEAD + b"text " * 1_400_000)
    _wait_until(lambda: any((blob_folder / "incoming").rglob(f"{ada.user['tenant_id']}*")))
    connection.close()
    _wait_until(lambda: files_of(blob_folder, ada) == [])
    assert ada.get("/api/v2/documents").json()["data"] == []


def test_a_body_that_ends_too_early_is_refused(gateway: Gateway, ada: Client) -> None:
    body = _HEAD + b"text without an end"
    with _raw(gateway, ada, f"Content-Length: {len(body)}", body) as connection:
        answer = _answer(connection)
    assert b" 400 " in answer.split(b"\r\n")[0]
    assert b"malformed_form" in answer


def test_a_file_over_the_limit_is_refused_before_it_is_sent(gateway: Gateway, ada: Client) -> None:
    with _raw(gateway, ada, f"Content-Length: {10**12}", _HEAD) as connection:
        answer = _answer(connection)
    assert b" 413 " in answer.split(b"\r\n")[0]
    assert b"connection: close" in answer.lower()


def test_a_file_of_no_announced_length_is_refused_while_it_is_sent(
    gateway: Gateway, ada: Client, blob_folder: Path
) -> None:
    piece = b"text " * 20_000
    chunk = f"{len(piece):x}\r\n".encode() + piece + b"\r\n"
    head = f"{len(_HEAD):x}\r\n".encode() + _HEAD + b"\r\n"
    with _raw(gateway, ada, "Transfer-Encoding: chunked", head) as connection:
        sent = _send_until_answered(connection, chunk, most=100 * MIB)
        answer = _answer(connection)
    assert b" 413 " in answer.split(b"\r\n")[0]
    assert 8 * MIB < sent < 40 * MIB
    assert files_of(blob_folder, ada) == []


def _send_until_answered(connection: socket.socket, chunk: bytes, *, most: int) -> int:
    sent = 0
    while sent < most and not select.select([connection], [], [], 0)[0]:
        connection.sendall(chunk)
        sent += len(chunk)
    return sent


def _answer(connection: socket.socket) -> bytes:
    """Read an answer to its end: its body is JSON, and comes after its head."""
    answer = b""
    while not answer.endswith(b"}") and (piece := connection.recv(65536)):
        answer += piece
    return answer


def test_a_client_that_sends_all_before_it_reads_still_gets_the_answer(ada: Client) -> None:
    # httpx writes the whole body first; closing at once would reset the connection under it.
    for _ in range(3):
        answer = ada.upload(b"x" * (12 * MIB))
        assert answer.status_code == 413
        assert answer.json()["code"] == "upload_too_large"


def test_an_answer_says_json_of_the_documented_shape(ada: Client) -> None:
    accepted = json.loads(ada.upload().content)
    assert set(accepted) == {"job_id", "document_id", "status", "deduplicated"}


def _wait_until(holds: Any, seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        threading.Event().wait(0.02)
