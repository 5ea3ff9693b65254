"""What belongs to another tenant does not exist."""

from typing import Any

import pytest

from tests.integration.gateway.serving import Client

#: Reads and changes of what an upload or an admin made. Every endpoint, on what is indexed and
#: answered: tests/integration/conversations/test_other_tenants.py.
DOORS = [
    ("GET", "/api/v2/documents/{document_id}"),
    ("GET", "/api/v2/documents/{document_id}/chunks"),
    ("GET", "/api/v2/documents/{document_id}/content"),
    ("DELETE", "/api/v2/documents/{document_id}"),
    ("GET", "/api/v2/jobs/{job_id}"),
    ("GET", "/api/v2/jobs/{job_id}/events"),
    ("GET", "/api/v2/auth/api-keys/{key_id}"),
    ("DELETE", "/api/v2/auth/api-keys/{key_id}"),
]


@pytest.mark.parametrize(("method", "path"), DOORS)
def test_another_tenants_things_are_not_found(
    ada: Client, bob: Client, method: str, path: str
) -> None:
    names = ada.uploaded(b"Ada's.")
    names["key_id"] = ada.post("/api/v2/auth/api-keys", json={"name": "a"}).json()["key_id"]
    theirs = bob.request(method, path.format(**names))
    made_up = bob.request(method, path.format(**dict.fromkeys(names, str(_nobodys()))))
    assert theirs.status_code == 404
    assert _without_reference(theirs.json()) == _without_reference(made_up.json())
    # It is there, and untouched, for its owner.
    assert ada.get(f"/api/v2/documents/{names['document_id']}").status_code == 200
    assert ada.get(f"/api/v2/auth/api-keys/{names['key_id']}").json()["revoked_at"] is None


def test_lists_show_the_own_tenant_alone(ada: Client, bob: Client) -> None:
    ada.uploaded(b"Ada's.")
    for path in ("/api/v2/documents", "/api/v2/jobs", "/api/v2/auth/api-keys"):
        assert bob.get(path).json()["data"] == []


def test_paging_from_another_tenants_row_shows_nothing_of_it(ada: Client, bob: Client) -> None:
    theirs = ada.uploaded(b"Ada's.")["document_id"]
    bob.uploaded(b"Bob's.")
    listed = bob.get("/api/v2/documents", params={"after": theirs})
    assert theirs not in listed.text


def _nobodys() -> str:
    return "00000000-0000-4000-8000-000000000001"


def _without_reference(problem: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in problem.items() if name != "instance"}
