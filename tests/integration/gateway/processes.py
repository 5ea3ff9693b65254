"""Gateways as processes of their own, to be killed."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.integration.gateway.serving import PASSWORD, Client

_SERVE = """
import json, sys
from gateway.main import run
from runtime.settings import load_settings
run(load_settings(**json.load(sys.stdin)))
"""


@dataclass
class GatewayProcess:
    """A running gateway; its log is one JSON object a line."""

    process: "subprocess.Popen[bytes]"
    log: Path

    @property
    def url(self) -> str:
        return str(self.logged("gateway_listening")["address"])

    def logged(self, event: str, seconds: float = 30) -> dict[str, Any]:
        """Wait for a line of the log."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for line in self.log.read_text().splitlines():
                if f'"{event}"' in line:
                    found: dict[str, Any] = json.loads(line)
                    return found
            assert self.process.poll() is None, self.log.read_text()
            threading.Event().wait(0.05)
        raise AssertionError(f"{event} was not logged:\n{self.log.read_text()}")

    def has_logged(self, event: str) -> bool:
        return f'"{event}"' in self.log.read_text()

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=30, trust_env=False)

    def register(self, email: str) -> Client:
        client = Client(self.url)
        client.email = email
        body = {"email": email, "password": PASSWORD}
        client.user = client.post("/api/v2/auth/users", json=body).json()
        client.log_in()
        return client


@contextmanager
def gateway_process(log: Path, **settings: object) -> Iterator[GatewayProcess]:
    """Run a gateway; ended when the block ends, if it did not end before."""
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", _SERVE], stdin=subprocess.PIPE, stdout=output, stderr=output
        )
    assert process.stdin is not None
    process.stdin.write(json.dumps(settings).encode())
    process.stdin.close()
    try:
        yield GatewayProcess(process, log)
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(30)
