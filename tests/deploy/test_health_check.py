"""health-check.sh, for real: it asks the gateway and the workers of a running product."""

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from runtime.settings import environment_with
from tests.deploy.queries import ROOT
from tests.fixtures.stack import Running

SCRIPT = ROOT / "deployment" / "health-check.sh"
SERVICES = [
    "AGENT_API",
    "RAG_SERVICE",
    "CHAT_SERVICE",
    "UPLOAD_PIPELINE",
    "DOCUMENT_PROCESSING",
    "VECTORIZATION_SERVICE",
]
#: Nobody listens there.
NOWHERE = "http://127.0.0.1:1"
DETAIL = 'kafka: no "answer" within 2 s.'


def _check(*arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603 - our own script
        [str(SCRIPT), *arguments],
        env={"PATH": environment_with()["PATH"], "NO_PROXY": "*", **settings},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def _services(done: "subprocess.CompletedProcess[str]") -> dict[str, dict[str, Any]]:
    return {one["service"]: one for one in json.loads(done.stdout)["services"]}


@contextmanager
def _unready(*, recovers: bool = False) -> Iterator[str]:
    """Serve a gateway that lives and is not ready, or not at first; yields its address."""
    questions: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            questions.append(self.path)
            is_ready = recovers and questions.count("/health/ready") > len(SERVICES)
            good = self.path == "/health" or is_ready
            body = json.dumps({"title": "Unready", "detail": DETAIL, "code": "not_ready"}).encode()
            self.send_response(200 if good else 503)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_running_product_is_healthy(running: Running) -> None:
    done = _check("--url", running.url, "--wait", "30")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines == [["healthy", service, running.url] for service in SERVICES]


def test_every_service_can_be_somewhere_else(running: Running) -> None:
    """Also at a worker, whose probes have other names than the gateway's."""
    port = (running.folder / "run" / "embedder.port").read_text()
    embedder = f"http://127.0.0.1:{port}"
    done = _check(
        "--url", running.url, "--wait", "30", "--json", VECTORIZATION_SERVICE_URL=embedder
    )
    assert done.returncode == 0, done.stdout + done.stderr
    services = _services(done)
    assert services["VECTORIZATION_SERVICE"]["url"] == embedder
    assert {one["url"] for name, one in services.items() if name != "VECTORIZATION_SERVICE"} == {
        running.url
    }


@pytest.mark.parametrize("service", SERVICES)
def test_one_service_that_is_away_is_told_from_the_others(running: Running, service: str) -> None:
    done = _check("--url", running.url, "--json", **{f"{service}_URL": NOWHERE})
    assert done.returncode == 1
    assert json.loads(done.stdout)["healthy"] is False
    services = _services(done)
    assert services[service]["status"] == "unreachable"
    assert services[service]["reason"]
    assert {one["status"] for name, one in services.items() if name != service} == {"healthy"}


def test_what_is_missing_is_said_in_the_words_of_the_service() -> None:
    with _unready() as url:
        done = _check("--url", url, "--json")
    assert done.returncode == 1
    assert {one["status"] for one in _services(done).values()} == {"unready"}
    assert _services(done)["AGENT_API"]["reason"] == DETAIL


def test_it_waits_for_a_service_that_is_starting() -> None:
    with _unready(recovers=True) as url:
        assert _check("--url", url, "--wait", "60").returncode == 0
        assert _check("--url", url).returncode == 0


def test_without_an_address_it_says_what_to_set() -> None:
    done = _check()
    assert done.returncode == 2
    assert "AGENT_API_URL, or INGRESS_DOMAIN, or --url" in done.stderr


def test_something_that_is_no_address_is_refused() -> None:
    assert "is not an address" in _check("--url", "ragline.example.org").stderr
    assert _check("--url", NOWHERE, "--wait", "soon").returncode == 2
