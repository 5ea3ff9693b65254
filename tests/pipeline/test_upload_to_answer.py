"""From an uploaded file to a cited answer, through every process."""

import time
import uuid
from pathlib import Path

import httpx
import pytest

from tests.fixtures.stack import Running
from tests.pipeline.conftest import EXAMPLES, chunks, events, indexed, upload, wait

HANDBOOK = (EXAMPLES / "tarnfell-handbook.pdf").read_bytes()
QUESTION = "When does the dome stay shut because of wind or humidity?"


@pytest.fixture
def handbook(client: httpx.Client) -> str:
    return str(indexed(client, "tarnfell-handbook.pdf", HANDBOOK)["document_id"])


def test_a_pdf_is_answered_from_with_checked_citations(client: httpx.Client, handbook: str) -> None:
    answer = client.post("/chat", json={"message": QUESTION, "document_ids": [handbook]}).json()
    assert answer["state"] == "done", answer
    assert answer["finish_reason"] == "stop"
    assert answer["model"] == "extractive"
    assert "54 kilomet" in answer["answer"]
    assert answer["citations"]
    by_start = chunks(client, handbook)
    for citation in answer["citations"]:
        assert citation["filename"] == "tarnfell-handbook.pdf"
        assert citation["page"] == 4
        [holder] = [
            chunk
            for chunk in by_start
            if chunk["char_start"] <= citation["char_start"] < chunk["char_end"]
        ]
        start = citation["char_start"] - holder["char_start"]
        assert holder["text"][start:].startswith(citation["quote"][: len(holder["text"]) - start])


def test_the_answer_streams_with_ids_to_resume_from(client: httpx.Client, handbook: str) -> None:
    body = {"message": QUESTION, "document_ids": [handbook], "stream": True}
    with client.stream("POST", "/chat", json=body) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        seen = list(events(stream.iter_lines()))
    kinds = [kind for _, kind, _ in seen]
    assert kinds[0] == "sources"
    assert kinds[-1] == "done"
    assert "token" in kinds
    assert "citation" in kinds
    assert all(identifier for identifier, _, _ in seen)
    text = "".join(data["text"] for _, kind, data in seen if kind == "token")
    assert text == seen[-1][2]["answer"]


@pytest.mark.parametrize("path", sorted(EXAMPLES.iterdir()), ids=lambda path: path.suffix[1:])
def test_every_kind_of_example_is_indexed(client: httpx.Client, path: Path) -> None:
    job = indexed(client, path.name, path.read_bytes())
    assert job["chunks"] >= 1
    assert [stage["state"] for stage in job["stages"]] == ["done"] * 3
    spans = [(c["char_start"], c["char_end"]) for c in chunks(client, job["document_id"])]
    assert spans == sorted(spans)
    assert all(
        len(c["text"]) == c["char_end"] - c["char_start"]
        for c in chunks(client, job["document_id"])
    )


def test_the_same_bytes_are_the_same_document(client: httpx.Client, handbook: str) -> None:
    again = upload(client, "another-name.pdf", HANDBOOK)
    assert again["deduplicated"] is True
    assert again["document_id"] == handbook
    assert wait(client, again["job_id"])["status"] == "indexed"


def test_nothing_that_fits_is_said_honestly(client: httpx.Client, handbook: str) -> None:
    body = {"message": QUESTION, "document_ids": [handbook], "threshold": 1.0}
    answer = client.post("/chat", json=body).json()
    assert answer["finish_reason"] == "no_context"
    assert answer["citations"] == []


def test_search_finds_the_page(client: httpx.Client, handbook: str) -> None:
    body = {"query": QUESTION, "filters": {"document_ids": [handbook]}}
    answer = client.post("/api/v2/search", json=body)
    assert answer.status_code == 200, answer.text
    best = answer.json()["results"][0]
    assert best["rank"] == 1
    assert best["page"] <= 4 <= best["page_last"]
    assert best["document_id"] == handbook


def test_one_trace_follows_an_upload_through_every_process(
    client: httpx.Client, running: Running
) -> None:
    text = f"The trace of this upload is {uuid.uuid4()}. It has two sentences.".encode()
    trace_id = uuid.uuid4().hex
    headers = {"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"}
    answer = client.post("/api/v2/upload", files={"file": ("t.txt", text)}, headers=headers)
    assert wait(client, answer.json()["job_id"])["status"] == "indexed"
    _expect_services(
        running,
        trace_id,
        {"ragline-gateway", "ragline-parser", "ragline-chunker", "ragline-embedder"},
    )


def test_one_trace_follows_a_question_through_every_process(
    client: httpx.Client, running: Running, handbook: str
) -> None:
    trace_id = uuid.uuid4().hex
    headers = {"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"}
    body = {"message": QUESTION, "document_ids": [handbook]}
    assert client.post("/chat", json=body, headers=headers).json()["state"] == "done"
    _expect_services(running, trace_id, {"ragline-gateway", "ragline-responder"})


def _expect_services(running: Running, trace_id: str, services: set[str]) -> None:
    """Wait until spans of all services are in, each below one of the trace."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        spans = running.collector.of_trace(trace_id)
        if {span.service for span in spans} >= services:
            break
        time.sleep(0.2)
    assert {span.service for span in spans} == services
    known = {span.span_id for span in spans} | {"00f067aa0ba902b7"}
    orphans = [span for span in spans if span.parent_id not in known]
    assert orphans == []
