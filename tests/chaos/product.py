"""The whole product on servers of its own, every process of which may be killed."""

import asyncio
import os
import secrets
import signal
import socket
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from cli.local.child import DEATHS_WINDOW, MOST_DEATHS
from cli.local.servers import Servers, running_servers
from cli.local.stack import Stack, running_stack
from cli.migrate import prepare_database
from cli.topics import apply_topics
from runtime.embedded import EmbeddedServerError
from runtime.kafka import KafkaConnection
from runtime.settings import Settings, load_settings

T = TypeVar("T")

#: How long a process may take to be back before it can be killed again.
BACK_SECONDS = 60.0


@dataclass(frozen=True)
class Product:
    """A running product."""

    url: str
    settings: Settings
    stack: Stack
    servers: Servers
    #: Ends when somebody gives up starting again what died.
    watching: tuple[asyncio.Task[None], ...]
    _killed: defaultdict[str, list[float]] = field(
        default_factory=lambda: defaultdict[str, list[float]](list)
    )

    @property
    def dsn(self) -> str:
        """Where its database is."""
        assert self.settings.database_url is not None
        return self.settings.database_url.get_secret_value()

    @property
    def connection(self) -> KafkaConnection:
        """How its Kafka is reached."""
        return KafkaConnection.of(self.settings)

    async def while_watched(self, work: Coroutine[Any, Any, T]) -> T:
        """Return the result of ``work``, or raise why the product is no longer kept running."""
        working = asyncio.create_task(work)
        try:
            await asyncio.wait({working, *self.watching}, return_when=asyncio.FIRST_COMPLETED)
            for task in self.watching:
                if task.done():
                    task.result()
            return await working
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)

    async def kill(self, name: str) -> bool:
        """End a process as a crash would; False when it was not there to be killed."""
        deadline = time.monotonic() + BACK_SECONDS
        while time.monotonic() < deadline:
            pid = self._pid(name)
            if pid is not None and self._may_die(name):
                os.kill(pid, signal.SIGKILL)
                self._killed[name].append(time.monotonic())
                return True
            await asyncio.sleep(0.2)
        return False

    def _may_die(self, name: str) -> bool:
        """Tell whether the supervisor would start it again, and not give it up as broken."""
        since = time.monotonic() - DEATHS_WINDOW
        return sum(at > since for at in self._killed[name]) < MOST_DEATHS - 1

    def _pid(self, name: str) -> int | None:
        """Return the id of the process that runs now."""
        for child in self.stack.children:
            if child.name == name:
                return child.pid if child.pid and _is_alive(child.pid) else None
        server = {"kafka": self.servers.kafka, "postgres": self.servers.postgres}[name]
        if server is None or not server.is_running:
            return None
        try:
            return server.pid
        except EmbeddedServerError:
            return None


@asynccontextmanager
async def running_product(folder: Path) -> AsyncGenerator[Product]:
    """Start everything, watch over it, and stop it on leaving."""
    settings = load_settings(
        environment="test",
        data_dir=folder,
        port=_free_port(),
        jwt_secret=secrets.token_urlsafe(48),
        kafka_partitions=6,
        drain_seconds=10,
        kafka_session_seconds=6,
        access_token_seconds=86_400,
        user_requests_per_minute=1_000_000,
        address_requests_per_minute=1_000_000,
    )
    async with running_servers(settings, folder) as servers:
        settings = settings.with_values(**servers.where())
        await prepare_database(settings)
        await apply_topics(settings)
        watching = asyncio.create_task(servers.watch())
        try:
            async with running_stack(settings, folder, {}) as stack:
                yield Product(stack.url, settings, stack, servers, (*stack.watching, watching))
        finally:
            watching.cancel()


#: Shares of the kills, in a hundred.
SHARES: Mapping[str, int] = {
    "gateway": 20,
    "parser": 15,
    "chunker": 15,
    "embedder": 15,
    "responder": 15,
    "postgres": 10,
    "kafka": 10,
}


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
