"""A real gateway on a loopback port, in a thread of its own, and clients of it."""

import asyncio
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from contracts.topics import CHAT_DELTAS, TOPICS
from gateway.app import Collaborators, create_app
from gateway.conversations.deltas import DeltaHub
from gateway.server import GatewayServer, listen, server_config
from gateway.sse import EventStreams
from providers.blobs.factory import create_blobs
from retrieval.models import EmbeddingModels
from runtime.kafka import KafkaConnection, Publisher, TopicAdmin
from runtime.settings import Settings
from store import Store

PASSWORD = "correct horse battery"


@dataclass
class Gateway:
    """A running gateway, as a test sees it."""

    url: str
    settings: Settings
    server: GatewayServer
    thread: threading.Thread

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(30)
        assert not self.thread.is_alive()

    def anonymous(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=30, trust_env=False)

    def register(self, email: str | None = None) -> "Client":
        """Return the logged-in admin of a new tenant."""
        client = Client(self.url)
        client.email = email or f"{secrets.token_hex(6)}@example.org"
        made = client.post("/api/v2/auth/users", json={"email": client.email, "password": PASSWORD})
        assert made.status_code == 201, made.text
        client.user = made.json()
        client.log_in()
        return client


class Client(httpx.Client):
    """A client that knows who it is."""

    email = ""
    user: dict[str, Any]
    session: dict[str, Any]

    def __init__(self, url: httpx.URL | str) -> None:
        super().__init__(base_url=url, timeout=30, trust_env=False)
        self._others: list[Client] = []

    def close(self) -> None:
        for other in self._others:
            other.close()
        super().close()

    def log_in(self, password: str = PASSWORD) -> None:
        answer = self.post("/api/v2/auth/login", json={"email": self.email, "password": password})
        assert answer.status_code == 200, answer.text
        self.session = answer.json()
        self.headers["Authorization"] = f"Bearer {self.session['access_token']}"

    def add_user(self, role: str) -> "Client":
        """Add a user to this admin's tenant and return it, logged in."""
        other = Client(self.base_url)
        self._others.append(other)
        other.email = f"{secrets.token_hex(6)}@example.org"
        made = self.post(
            "/api/v2/auth/users", json={"email": other.email, "password": PASSWORD, "role": role}
        )
        assert made.status_code == 201, made.text
        other.user = made.json()
        other.log_in()
        return other

    def upload(
        self, content: bytes = b"Some text.", name: str = "a.txt", **fields: str
    ) -> httpx.Response:
        return self.post("/api/v2/upload", files={"file": (name, content)}, data=fields)

    def uploaded(self, content: bytes = b"Some text.", name: str = "a.txt") -> dict[str, Any]:
        answer = self.upload(content, name)
        assert answer.status_code == 202, answer.text
        accepted: dict[str, Any] = answer.json()
        return accepted


@contextmanager
def running_gateway(settings: Settings) -> Iterator[Gateway]:
    """Serve on a free port until the block ends."""
    listening = threading.Event()
    found: dict[str, Any] = {}

    def announce(address: str) -> None:
        found["url"] = address
        listening.set()

    def work() -> None:
        try:
            asyncio.run(_serve(settings, announce, found))
        finally:
            listening.set()

    thread = threading.Thread(target=work, name="gateway")
    thread.start()
    assert listening.wait(30)
    assert "url" in found, "the gateway did not start"
    gateway = Gateway(found["url"], settings, found["server"], thread)
    try:
        yield gateway
    finally:
        gateway.stop()


async def _serve(settings: Settings, announce: Any, found: dict[str, Any]) -> None:
    assert settings.database_url
    assert settings.blob_url
    kafka = KafkaConnection.of(settings)
    store = await Store.connect(settings.database_url.get_secret_value())
    publisher = Publisher(kafka, client_id="test")
    given = Collaborators(
        store=store,
        blobs=create_blobs(settings.blob_url),
        embedding=EmbeddingModels.of(settings),
        kafka=kafka,
        publisher=publisher,
        delta_hub=DeltaHub(store, kafka, CHAT_DELTAS.partitions, secrets.token_hex(4)),
        providers={"parsing": "none (test)"},
        streams=EventStreams(heartbeat_seconds=0.5),
    )
    app = create_app(settings, given)
    found["server"] = GatewayServer(
        server_config(app, settings), listening=announce, stopping=given.streams.stop
    )
    try:
        await found["server"].serve([listen(settings)])
    finally:
        await publisher.stop()
        await given.embedding.close()
        await store.close()


async def create_topics(servers: str) -> None:
    async with TopicAdmin(KafkaConnection(servers=servers)) as admin:
        await admin.apply(TOPICS, replication=1, partitions_cap=3)
