"""The server bounds what comes before a request, observes every one, and ends in order."""

import socket
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx
import pytest

from contracts.errors import StoreUnavailable
from gateway import server
from runtime.settings import Settings
from tests.integration.gateway.serving import Client, Gateway, running_gateway


def connect(gateway: Gateway) -> socket.socket:
    target = urlsplit(gateway.url)
    return socket.create_connection((target.hostname, target.port), timeout=10)


def read_all(connection: socket.socket) -> bytes:
    answer = b""
    try:
        while piece := connection.recv(65536):
            answer += piece
    except ConnectionError:
        pass
    return answer


def test_endless_headers_are_cut_off(gateway: Gateway) -> None:
    with connect(gateway) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nX-Long: ")
        sent = 0
        try:
            while sent < 1000 * server.MAX_HEAD_BYTES:
                connection.sendall(b"a" * 4096)
                sent += 4096
        except ConnectionError:
            pass
        assert read_all(connection)[:16] in {b"", b"HTTP/1.1 400 Bad"}
    assert sent < 1000 * server.MAX_HEAD_BYTES


def test_a_client_that_never_finishes_its_headers_is_let_go(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "HEAD_SECONDS", 0.3)
    with connect(gateway) as silent, connect(gateway) as slow:
        slow.sendall(b"GET /health HTTP/1.1\r\nHost:")
        began = time.monotonic()
        assert read_all(silent) == b""
        assert read_all(slow) == b""
        assert time.monotonic() - began < 5


def test_a_connection_is_kept_between_requests(gateway: Gateway) -> None:
    with connect(gateway) as connection:
        for _ in range(3):
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = b""
            while not answer.endswith(b"}"):
                answer += connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200")


def test_answers_say_nothing_of_the_server_and_are_not_stored(gateway: Gateway) -> None:
    with gateway.anonymous() as client:
        headers = client.get("/health").headers
    assert "server" not in headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in headers["content-security-policy"]


@pytest.mark.parametrize(
    ("sent", "is_kept"), [("abc-123", True), ("x" * 65, False), ('a"b', False), ("", False)]
)
def test_a_sane_request_id_is_kept(gateway: Gateway, sent: str, *, is_kept: bool) -> None:
    with gateway.anonymous() as client:
        answered = client.get("/health", headers={"X-Request-ID": sent}).headers["x-request-id"]
    assert (answered == sent) == is_kept
    assert answered


def test_a_bug_is_answered_with_its_reference_and_nothing_else(
    ada: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError("the secret reason")

    monkeypatch.setattr("gateway.documents.jobs_controller.find_job", broken)
    answer = ada.get("/api/v2/jobs/00000000-0000-0000-0000-000000000001")
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal_error"
    assert answer.headers["x-request-id"] in answer.json()["instance"]
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text


def test_what_is_away_is_said_with_when_to_come_back(
    ada: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise StoreUnavailable

    monkeypatch.setattr("gateway.documents.jobs_controller.find_job", away)
    answer = ada.get("/api/v2/jobs/00000000-0000-0000-0000-000000000001")
    assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
    assert int(answer.headers["retry-after"]) >= 1


def test_an_address_is_believed_from_a_trusted_proxy_alone(
    settings_of: Callable[..., Settings],
) -> None:
    limits = {"address_requests_per_minute": 2, "login_attempts_per_minute": 1000}
    login = {"email": "nobody@example.org", "password": "x"}

    def statuses(gateway: Gateway) -> list[int]:
        with gateway.anonymous() as client:
            return [
                client.post(
                    "/api/v2/auth/login", json=login, headers={"X-Forwarded-For": f"10.0.0.{last}"}
                ).status_code
                for last in range(4)
            ]

    with running_gateway(settings_of(**limits)) as direct:
        assert statuses(direct) == [401, 401, 429, 429]
    with running_gateway(settings_of(**limits, trusted_proxies="127.0.0.1")) as proxied:
        assert statuses(proxied) == [401] * 4


def test_stopping_ends_open_streams_in_order(settings_of: Callable[..., Settings]) -> None:
    with running_gateway(settings_of(drain_seconds=20)) as gateway:
        ada = gateway.register()
        job = ada.uploaded()["job_id"]
        received: list[str] = []
        opened = threading.Event()

        def read() -> None:
            with ada.stream("GET", f"/api/v2/jobs/{job}/events") as answer:
                for line in answer.iter_lines():
                    received.append(line)
                    opened.set()

        reading = threading.Thread(target=read)
        reading.start()
        assert opened.wait(10)
        began = time.monotonic()
        gateway.stop()
        reading.join(5)
        assert time.monotonic() - began < 10  # not after the drain time
    assert any("come back" in line for line in received)
    ada.close()


def test_a_user_and_an_address_are_limited_and_told_until_when(
    settings_of: Callable[..., Settings],
) -> None:
    with running_gateway(settings_of(user_requests_per_minute=3)) as gateway:
        ada, bob = gateway.register(), gateway.register()
        left = [ada.get("/api/v2/jobs").headers["ratelimit-remaining"] for _ in range(3)]
        assert left == ["2", "1", "0"]
        answer = ada.get("/api/v2/jobs")
        assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        assert bob.get("/api/v2/jobs").status_code == 200
        assert ada.get("/health").status_code == 200
        for client in (ada, bob):
            client.close()


def test_logins_are_limited_whether_the_account_exists_or_not(
    settings_of: Callable[..., Settings],
) -> None:
    with running_gateway(settings_of(login_attempts_per_minute=3)) as gateway:
        ada = gateway.register()  # which is one login

        def attempts(email: str, count: int) -> list[int]:
            body = {"email": email, "password": "wrong password"}
            return [ada.post("/api/v2/auth/login", json=body).status_code for _ in range(count)]

        assert attempts(ada.email, 3) == [401, 401, 429]
        assert attempts("nobody@example.org", 4) == [401, 401, 401, 429]
        assert attempts(ada.email.upper(), 1) == [429]
        ada.close()


def test_metrics_name_routes_and_not_addresses(ada: Client) -> None:
    ada.get("/api/v2/jobs")
    ada.get("/made/up/by/a/scanner")
    metrics = ada.get("/metrics").text
    assert 'ragline_http_requests_total{method="GET",route="/api/v2/jobs",status="200"}' in metrics
    assert "scanner" not in metrics


def test_tls_is_spoken_when_it_is_set(
    settings_of: Callable[..., Settings], certificate: tuple[str, str]
) -> None:
    cert, key = certificate
    with running_gateway(settings_of(tls_cert_path=cert, tls_key_path=key)) as gateway:
        assert gateway.url.startswith("https://")
        with httpx.Client(base_url=gateway.url, verify=False, trust_env=False) as client:  # noqa: S501
            answer = client.get("/health")
    assert answer.status_code == 200
    assert "max-age" in answer.headers["strict-transport-security"]
