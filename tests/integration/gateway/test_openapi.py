"""The API describes itself, to programs and on a page that needs nothing from elsewhere."""

import json
import re

import msgspec

from gateway.openapi import openapi_document
from tests.integration.gateway.serving import Gateway

ANONYMOUS = {"/health", "/health/ready", "/metrics"} | {
    f"/api/v2/auth/{name}" for name in ("users", "login", "refresh", "logout")
}


def test_the_document_is_served_without_a_token(gateway: Gateway) -> None:
    with gateway.anonymous() as client:
        document = client.get("/schema/openapi.json")
        assert document.status_code == 200
        assert client.get("/schema/openapi.yaml").status_code == 200
    assert document.json()["info"]["title"] == "ragline"


def test_every_operation_is_named_tagged_and_documents_its_errors(gateway: Gateway) -> None:
    with gateway.anonymous() as client:
        document = client.get("/schema/openapi.json").json()
    tags = {tag["name"] for tag in document["tags"]}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            where = f"{method} {path}"
            assert set(operation["tags"]) <= tags, where
            assert operation["summary"], where
            assert operation["description"], where
            assert (operation.get("security") == [{}]) == (path in ANONYMOUS), where
            errors = {status for status in operation["responses"] if int(status) >= 400}
            for status in errors:
                [content] = operation["responses"][status]["content"]
                assert content == "application/problem+json", (where, status)
            if path not in {"/health", "/metrics"}:
                assert {"400", "429", "503"} <= errors, where
            if path not in ANONYMOUS:
                assert "401" in errors, where
            if "{" in path:
                assert "404" in errors, where
            if operation.get("parameters") and "limit" in str(operation["parameters"]):
                assert "422" in errors, where


def test_the_document_is_the_same_without_a_server(gateway: Gateway) -> None:
    with gateway.anonymous() as client:
        served = client.get("/schema/openapi.json").json()
    assert served == json.loads(msgspec.json.encode(openapi_document()))


def test_names_of_schemas_are_plain(gateway: Gateway) -> None:
    with gateway.anonymous() as client:
        schemas = client.get("/schema/openapi.json").json()["components"]["schemas"]
    assert [name for name in schemas if not name.isalnum()] == []


def test_the_page_needs_nothing_from_elsewhere(gateway: Gateway) -> None:
    with gateway.anonymous() as client:
        page = client.get("/schema")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "openapi.json" in page.text
    assert re.findall(r"(?:src|href)=[\"']?(?:https?:)?//", page.text) == []
    policy = page.headers["content-security-policy"]
    assert "http" not in policy
    assert "default-src 'none'" in policy
    assert "connect-src 'self'" in policy
