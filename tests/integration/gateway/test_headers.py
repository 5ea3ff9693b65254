"""Browsers are told what an answer is; nothing that comes in goes out as markup."""

import re
from pathlib import Path

import httpx
import pytest

from gateway.auth.access import ACCESS
from gateway.schema import page
from tests.integration.gateway.serving import Client, Gateway

PAGES = ["/schema", "/schema/openapi.json", "/schema/openapi.yaml"]
NOBODYS = "00000000-0000-4000-8000-000000000001"
MARKUP = "<script>alert(1)</script>"


def assert_safe(answer: httpx.Response) -> None:
    headers = answer.headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "no-store"
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    for name in headers:
        assert len(headers.get_list(name)) == 1, name


def is_markup(answer: httpx.Response) -> bool:
    kind = answer.headers.get("content-type", "")
    return any(word in kind for word in ("html", "xml", "svg"))


@pytest.mark.parametrize("endpoint", ACCESS, ids=" ".join)
def test_every_endpoint_answers_and_refuses_safely(
    ada: Client, gateway: Gateway, endpoint: tuple[str, str]
) -> None:
    method, path = endpoint
    where = re.sub(r"{\w+}", NOBODYS, path)
    body = {} if method == "POST" else None
    with gateway.anonymous() as nobody:
        for client in (ada, nobody):
            answer = client.request(method, where, json=body)
            assert_safe(answer)
            assert not is_markup(answer)


@pytest.mark.parametrize("path", PAGES)
def test_the_description_is_served_safely(gateway: Gateway, path: str) -> None:
    with gateway.anonymous() as client:
        answer = client.get(path)
    assert answer.status_code == 200
    assert_safe(answer)
    assert is_markup(answer) == (path == "/schema")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", f"/{MARKUP}", 404), ("PUT", "/health", 405), ("GET", f"/api/v2/jobs/{MARKUP}", 404)],
)
def test_what_no_endpoint_answers_is_safe_too(
    ada: Client, method: str, path: str, status: int
) -> None:
    answer = ada.request(method, path)
    assert answer.status_code == status
    assert_safe(answer)
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_file_of_markup_is_downloaded_and_never_shown(ada: Client) -> None:
    content = f"<!doctype html><title>x</title>{MARKUP}".encode()
    answer = ada.upload(content, "page.html")
    assert answer.status_code == 202, answer.text
    given = ada.get(f"/api/v2/documents/{answer.json()['document_id']}/content")
    assert given.status_code == 200
    assert_safe(given)
    assert given.headers["content-disposition"].startswith("attachment;")


def test_a_name_of_markup_comes_back_as_json(ada: Client) -> None:
    title = ada.post("/api/v2/auth/api-keys", json={"name": MARKUP})
    assert title.status_code == 201
    listed = ada.get("/api/v2/auth/api-keys", headers={"Accept": "text/html"})
    assert_safe(listed)
    assert listed.headers["content-type"] == "application/json"
    assert listed.json()["data"][0]["name"] == MARKUP


def test_the_page_builds_no_markup_from_text() -> None:
    script = (Path(page.__file__).parent / "page.js").read_text()
    assert (
        re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", script) == []
    )
