"""A gateway for each test module, on the real database and the real broker."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from runtime.embedded import EmbeddedKafka
from runtime.settings import Settings, load_settings
from tests.integration.gateway.certificates import self_signed
from tests.integration.gateway.serving import Client, Gateway, create_topics, running_gateway

MIB = 1024 * 1024

Start = Callable[..., AbstractContextManager[Gateway]]


@pytest.fixture(scope="session")
def topics(kafka_server: EmbeddedKafka) -> str:
    """The address of a Kafka that has every topic."""
    servers = kafka_server.bootstrap_servers
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, create_topics(servers)).result()
    return servers


@pytest.fixture(scope="module")
def blob_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("blobs")


@pytest.fixture(scope="module")
def settings_of(database: str, topics: str, blob_folder: Path) -> Callable[..., Settings]:
    """Make settings for a gateway of this module; what is given outranks the defaults."""

    def make(**changes: object) -> Settings:
        return load_settings(
            **{
                "environment": "test",
                "database_url": database,
                "kafka_bootstrap_servers": topics,
                "blob_url": blob_folder.as_uri(),
                "jwt_secret": "a secret of more than thirty-two bytes, for tests",
                "port": 0,
                "max_upload_bytes": 8 * MIB,
                "user_requests_per_minute": 100_000,
                "address_requests_per_minute": 100_000,
                "login_attempts_per_minute": 1000,
                "drain_seconds": 3,
            }
            | changes
        )

    return make


@pytest.fixture(scope="module")
def gateway(settings_of: Callable[..., Settings]) -> Iterator[Gateway]:
    with running_gateway(settings_of()) as running:
        yield running


@pytest.fixture
def ada(gateway: Gateway) -> Iterator[Client]:
    """The admin of a new tenant."""
    client = gateway.register()
    yield client
    client.close()


@pytest.fixture
def bob(gateway: Gateway) -> Iterator[Client]:
    """The admin of another new tenant."""
    client = gateway.register()
    yield client
    client.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A self-signed certificate for loopback and its key, as files."""
    return self_signed(tmp_path_factory.mktemp("tls"))
