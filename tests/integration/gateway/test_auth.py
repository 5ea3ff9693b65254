"""Who may come in, and what each may do."""

import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import jwt
import pytest

from runtime.settings import Settings
from tests.integration.gateway.serving import PASSWORD, Client, Gateway, running_gateway

KEY = "a secret of more than thirty-two bytes, for tests"


def test_registration_makes_a_tenant_and_its_admin(gateway: Gateway) -> None:
    with gateway.anonymous() as client:
        made = client.post(
            "/api/v2/auth/users",
            json={"email": "First@Example.org", "password": PASSWORD, "tenant_name": "First"},
        )
    assert made.status_code == 201
    assert made.json()["role"] == "admin"
    assert made.json()["email"] == "first@example.org"


def test_an_address_belongs_to_one_user(ada: Client, gateway: Gateway) -> None:
    with gateway.anonymous() as client:
        answer = client.post(
            "/api/v2/auth/users", json={"email": ada.email.upper(), "password": PASSWORD}
        )
    assert answer.status_code == 409
    assert answer.json()["code"] == "email_taken"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"email": "no address", "password": PASSWORD}, "email"),
        ({"email": "a@b.c\n", "password": PASSWORD}, "email"),
        ({"email": "a\x00@b.cd", "password": PASSWORD}, "email"),
        ({"email": "x" * 250 + "@b.cd", "password": PASSWORD}, "email"),
        ({"email": "a@b.cd", "password": "short"}, "password"),
        ({"email": "a@b.cd", "password": "x" * 257}, "password"),
        ({"email": "a@b.cd"}, "password"),
        ({"email": 7, "password": PASSWORD}, "email"),
        ({"email": "a@b.cd", "password": PASSWORD, "tenant_name": "a\x00b"}, "tenant_name"),
        ({"email": "a@b.cd", "password": PASSWORD, "role": "operator"}, "role"),
        ({"email": "a@b.cd", "password": PASSWORD, "role": "viewer"}, "role"),
        ({"email": "a@b.cd", "password": PASSWORD, "is_admin": True}, "is_admin"),
    ],
)
def test_a_wrong_registration_is_refused_by_its_field(
    gateway: Gateway, body: dict[str, Any], field: str
) -> None:
    with gateway.anonymous() as client:
        answer = client.post("/api/v2/auth/users", json=body)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == "invalid_request"
    assert field in problem["detail"] or problem["errors"][0]["field"] == field


def test_an_admin_adds_users_to_the_own_tenant(ada: Client) -> None:
    viewer = ada.add_user("viewer")
    assert viewer.user["tenant_id"] == ada.user["tenant_id"]
    assert viewer.user["role"] == "viewer"


@pytest.mark.parametrize("role", ["member", "viewer"])
def test_only_an_admin_adds_users(ada: Client, role: str) -> None:
    other = ada.add_user(role)
    answer = other.post("/api/v2/auth/users", json={"email": "x@example.org", "password": PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_closed_registration_is_open_to_admins(settings_of: Callable[..., Settings]) -> None:
    with running_gateway(settings_of()) as open_one:
        admin = open_one.register()
    with running_gateway(settings_of(open_registration=False)) as closed:
        with closed.anonymous() as client:
            answer = client.post(
                "/api/v2/auth/users", json={"email": "x@example.org", "password": PASSWORD}
            )
        assert (answer.status_code, answer.json()["code"]) == (403, "registration_closed")
        again = Client(closed.url)
        again.email = admin.email
        again.log_in()
        again.add_user("member")
        again.close()
    admin.close()


def test_a_login_gives_tokens(ada: Client) -> None:
    assert ada.session["token_type"] == "Bearer"
    assert ada.session["expires_in"] == 900
    assert set(ada.session) == {"access_token", "token_type", "expires_in", "refresh_token"}


def test_an_unknown_account_answers_as_a_wrong_password_does(ada: Client) -> None:
    answers = [
        ada.post("/api/v2/auth/login", json={"email": email, "password": "wrong password"})
        for email in (ada.email, "nobody@example.org", "not an address")
    ]
    bodies = [answer.json() | {"instance": ""} for answer in answers]
    assert [answer.status_code for answer in answers] == [401] * 3
    assert bodies == [bodies[0]] * 3


def test_an_unknown_account_takes_as_long_as_a_wrong_password(ada: Client) -> None:
    def seconds(email: str) -> float:
        times = []
        for _ in range(5):
            began = time.perf_counter()
            ada.post("/api/v2/auth/login", json={"email": email, "password": "wrong password"})
            times.append(time.perf_counter() - began)
        return min(times)

    known, unknown = seconds(ada.email), seconds("nobody@example.org")
    # Without the hash an unknown account answers about ten times as fast.
    assert unknown > known / 3


def test_a_refresh_token_is_good_once_and_gives_the_next(ada: Client) -> None:
    first = ada.session["refresh_token"]
    second = ada.post("/api/v2/auth/refresh", json={"refresh_token": first}).json()
    ada.headers["Authorization"] = f"Bearer {second['access_token']}"
    assert ada.get("/api/v2/jobs").status_code == 200
    again = ada.post("/api/v2/auth/refresh", json={"refresh_token": first})
    assert (again.status_code, again.json()["code"]) == (401, "invalid_token")
    # The second use of one token ends the whole session.
    third = ada.post("/api/v2/auth/refresh", json={"refresh_token": second["refresh_token"]})
    assert third.status_code == 401


def test_logging_out_ends_the_session(ada: Client) -> None:
    token = {"refresh_token": ada.session["refresh_token"]}
    assert ada.post("/api/v2/auth/logout", json=token).status_code == 204
    assert ada.post("/api/v2/auth/refresh", json=token).status_code == 401


@pytest.mark.parametrize("token", ["rr_unknown", "x" * 129, "", "\x00"])
def test_a_made_up_refresh_token_is_refused(ada: Client, token: str) -> None:
    answer = ada.post("/api/v2/auth/refresh", json={"refresh_token": token})
    assert answer.status_code in {401, 422}


def claims_of(ada: Client) -> dict[str, Any]:
    return jwt.decode(ada.session["access_token"], options={"verify_signature": False})


@pytest.mark.parametrize(
    ("changes", "key", "code"),
    [
        ({}, "another secret of more than thirty-two bytes", "invalid_token"),
        ({"exp": 1_700_000_000, "iat": 1_699_999_000}, KEY, "token_expired"),
        ({"aud": "somebody-else"}, KEY, "invalid_token"),
        ({"iss": "somebody-else"}, KEY, "invalid_token"),
        ({"role": "god"}, KEY, "invalid_token"),
    ],
)
def test_a_forged_or_old_token_is_refused(
    ada: Client, changes: dict[str, Any], key: str, code: str
) -> None:
    token = jwt.encode(claims_of(ada) | changes, key, algorithm="HS256")
    answer = ada.get("/api/v2/jobs", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["code"]) == (401, code)
    assert answer.headers["www-authenticate"] == "Bearer"


def test_an_unsigned_token_is_refused(ada: Client) -> None:
    token = jwt.encode(claims_of(ada), None, algorithm="none")
    answer = ada.get("/api/v2/jobs", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer  x y", "Basic YTpi", "Bearer " + "x" * 5000]
)
def test_without_a_token_nothing_is_shown(ada: Client, header: str) -> None:
    answer = ada.get("/api/v2/jobs", headers={"Authorization": header})
    assert answer.status_code == 401


def test_an_api_key_does_what_its_user_does_until_it_is_revoked(
    ada: Client, gateway: Gateway
) -> None:
    made = ada.post("/api/v2/auth/api-keys", json={"name": "ci"}).json()
    assert made["key"].startswith(made["prefix"])
    assert made["key"] not in ada.get("/api/v2/auth/api-keys").text
    with gateway.anonymous() as client:
        for headers in ({"Authorization": f"Bearer {made['key']}"}, {"X-API-Key": made["key"]}):
            assert client.get("/api/v2/jobs", headers=headers).status_code == 200
            keys = client.post("/api/v2/auth/api-keys", json={"name": "more"}, headers=headers)
            assert keys.status_code == 403
        assert ada.delete(f"/api/v2/auth/api-keys/{made['key_id']}").status_code == 204
        assert client.get("/api/v2/jobs", headers=headers).status_code == 401
    shown = ada.get(f"/api/v2/auth/api-keys/{made['key_id']}").json()
    assert shown["last_used_at"]
    assert shown["revoked_at"]


def test_a_member_sees_the_own_keys_and_an_admin_all(ada: Client) -> None:
    member = ada.add_user("member")
    of_admin = ada.post("/api/v2/auth/api-keys", json={"name": "admin's"}).json()["key_id"]
    of_member = member.post("/api/v2/auth/api-keys", json={"name": "member's"}).json()["key_id"]

    def listed(client: Client) -> list[str]:
        return [key["key_id"] for key in client.get("/api/v2/auth/api-keys").json()["data"]]

    assert listed(ada) == [of_member, of_admin]
    assert listed(member) == [of_member]
    assert member.get(f"/api/v2/auth/api-keys/{of_admin}").status_code == 404
    assert member.delete(f"/api/v2/auth/api-keys/{of_admin}").status_code == 404
    assert ada.delete(f"/api/v2/auth/api-keys/{of_member}").status_code == 204


def test_a_viewer_reads_and_does_not_write(ada: Client) -> None:
    document = ada.uploaded()["document_id"]
    viewer = ada.add_user("viewer")
    assert viewer.get(f"/api/v2/documents/{document}").status_code == 200
    assert viewer.get(f"/api/v2/documents/{document}/content").status_code == 200
    assert viewer.upload(b"More.").status_code == 403
    assert viewer.delete(f"/api/v2/documents/{document}").status_code == 403


def test_a_member_writes(ada: Client) -> None:
    member = ada.add_user("member")
    document = member.uploaded()["document_id"]
    assert member.delete(f"/api/v2/documents/{document}").status_code == 204


def test_the_key_of_the_external_system_asks_and_does_nothing_else(
    settings_of: Callable[..., Settings], ada: Client
) -> None:
    key = "external key of another system"
    settings = settings_of(external_rag_api_key=key, external_rag_tenant=ada.user["tenant_id"])
    with running_gateway(settings) as gateway, gateway.anonymous() as client:
        client.headers["Authorization"] = f"Bearer {key}"
        for path in ("/api/v2/jobs", "/api/v2/documents", "/api/v2/auth/api-keys"):
            assert client.get(path).status_code == 403
        assert client.post("/api/v2/upload", files={"file": b"x"}).status_code == 403
        # It gets as far as the question itself: an empty one is refused, not the caller.
        answer = client.post("/api/v2/search", json={"query": ""})
        assert answer.status_code == 422, answer.text


@pytest.mark.parametrize(
    "path",
    ["/api/v2/jobs", f"/api/v2/jobs/{uuid.UUID(int=1)}", "/api/v2/documents", "/agents/status"],
)
def test_every_door_is_closed_without_a_token(gateway: Gateway, path: str) -> None:
    with gateway.anonymous() as client:
        answer = client.get(path)
    assert answer.status_code == 401
    assert json.loads(answer.content)["code"] == "not_authenticated"
