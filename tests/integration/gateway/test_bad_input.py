"""Every wrong request gets a clear answer in one shape, and changes nothing."""

import json
from typing import Any

import httpx
import pytest

from tests.integration.gateway.conftest import MIB
from tests.integration.gateway.serving import Client, Gateway


def problem(answer: httpx.Response) -> dict[str, Any]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    body: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail", "code", "instance"} <= set(body)
    assert body["status"] == answer.status_code
    assert body["instance"].endswith(answer.headers["x-request-id"])
    return body


@pytest.mark.parametrize(
    ("files", "status", "code"),
    [
        ({"other": ("a.txt", b"x")}, 422, "invalid_request"),
        ({"file": ("a.txt", b"")}, 422, "empty_file"),
        ({"file": ("..", b"x")}, 422, "invalid_filename"),
        ({"file": ("a.exe", b"MZ\x90\x00\x03\x00\x00\x00\x04\x00")}, 415, "unsupported_media_type"),
        ({"file": ("a.pdf", b"GIF89a\x01\x00\x01\x00")}, 415, "unsupported_media_type"),
        ({"file": ("a.txt", b"%PDF-1.7 lies", "text/plain")}, 415, "unsupported_media_type"),
        ({"file": ("a.txt", b"x" * (8 * MIB + 1))}, 413, "upload_too_large"),
    ],
)
def test_a_file_that_cannot_be_taken_is_refused(
    ada: Client, files: Any, status: int, code: str
) -> None:
    answer = ada.post("/api/v2/upload", files=files)
    assert (answer.status_code, problem(answer)["code"]) == (status, code)
    assert ada.get("/api/v2/jobs").json()["data"] == []


def test_a_file_of_exactly_the_limit_is_taken(ada: Client) -> None:
    assert ada.upload(b"x" * (8 * MIB)).status_code == 202


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"metadata": "not json"}, "metadata"),
        ({"metadata": "[]"}, "metadata"),
        ({"metadata": '{"a": {"b": 1}}'}, "metadata"),
        ({"metadata": json.dumps(dict.fromkeys(map(str, range(17)), 1))}, "metadata"),
        ({"metadata": '{"a": "\\u0000"}'}, "metadata"),
        ({"knowledge_base": "a/b"}, "knowledge_base"),
        ({"knowledge_base": "\x00"}, "knowledge_base"),
        ({"knowledgebase": "typo"}, "knowledgebase"),
    ],
)
def test_a_wrong_field_of_the_form_is_named(
    ada: Client, fields: dict[str, str], field: str
) -> None:
    answer = ada.upload(b"Some text.", **fields)
    assert answer.status_code == 422
    assert problem(answer)["errors"][0]["field"] == field


@pytest.mark.parametrize(
    ("content_type", "body", "status", "code"),
    [
        ("application/json", b"{}", 415, "expected_form"),
        ("", b"x", 415, "expected_form"),
        ("multipart/form-data", b"x", 400, "malformed_form"),
        ("multipart/form-data; boundary=", b"x", 400, "malformed_form"),
        ("multipart/form-data; boundary=xx", b"", 400, "malformed_form"),
        ("multipart/form-data; boundary=xx", b"no boundary here", 400, "malformed_form"),
        ("multipart/form-data; boundary=xx", b"--xx--\r\n", 422, "missing_file"),
    ],
)
def test_a_body_that_is_no_upload_is_refused(
    ada: Client, content_type: str, body: bytes, status: int, code: str
) -> None:
    answer = ada.post("/api/v2/upload", content=body, headers={"Content-Type": content_type})
    assert (answer.status_code, problem(answer)["code"]) == (status, code)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"{", 400),
        (b"[]", 422),
        (b"null", 422),
        (b'"text"', 422),
        (b"\xff\xfe", 400),
        (b'{"email": "a@b.cd", "password": null}', 422),
        (b'{"email": "\\ud800@b.cd", "password": "correct horse"}', 400),
        (b"[" * 60_000, 400),
        (b'{"x":' * 40_000, 400),
    ],
)
def test_json_of_the_wrong_shape_is_refused(gateway: Gateway, body: bytes, status: int) -> None:
    with gateway.anonymous() as client:
        answer = client.post(
            "/api/v2/auth/login", content=body, headers={"Content-Type": "application/json"}
        )
    assert answer.status_code == status, answer.text
    problem(answer)


def test_a_json_body_over_the_limit_is_refused(gateway: Gateway) -> None:
    with gateway.anonymous() as client:
        answer = client.post("/api/v2/auth/login", json={"email": "x" * 9_000_000, "password": ""})
    assert (answer.status_code, problem(answer)["code"]) == (413, "request_too_large")


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=x", "after=x", "limit=1.5", "status=unknown"]
)
def test_a_wrong_query_is_refused(ada: Client, query: str) -> None:
    answer = ada.get(f"/api/v2/jobs?{query}")
    assert answer.status_code == 422
    assert problem(answer)["errors"][0]["field"] == query.partition("=")[0]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing/here", 404, "not_found"),
        ("GET", "/api/v2/jobs/not-an-id", 404, "not_found"),
        ("GET", "/api/v2/jobs/00000000-0000-0000-0000-000000000001", 404, "not_found"),
        ("GET", "/api/v2/documents/00000000-0000-0000-0000-000000000001/content", 404, "not_found"),
        ("PUT", "/api/v2/upload", 405, "method_not_allowed"),
        ("GET", "/api/v2/%00", 404, "not_found"),
        ("GET", "/api/v2/jobs/%F0%9F%92%A9", 404, "not_found"),
    ],
)
def test_what_is_not_there_is_said_in_the_same_shape(
    ada: Client, method: str, path: str, status: int, code: str
) -> None:
    answer = ada.request(method, path)
    assert (answer.status_code, problem(answer)["code"]) == (status, code)


def test_a_method_that_is_not_allowed_says_which_are(ada: Client) -> None:
    assert "POST" in ada.put("/api/v2/upload").headers["allow"]
