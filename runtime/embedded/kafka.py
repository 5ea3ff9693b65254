"""A real Apache Kafka of one node, as a child process."""

import asyncio
import signal
from pathlib import Path
from types import TracebackType
from typing import Self

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from runtime.embedded.installed import java_program
from runtime.embedded.jars import class_path, default_cache_dir
from runtime.embedded.kafka_setup import KafkaSetup
from runtime.embedded.ports import is_listening, remembered_port
from runtime.embedded.process import ServerProcess

_START_SECONDS = 90.0
_STOP_SECONDS = 30.0
_ANSWER_MILLISECONDS = 5_000


class EmbeddedKafka:
    """Apache Kafka in KRaft mode on 127.0.0.1, with its data, logs and port kept in one folder."""

    #: `127.0.0.1:PORT`; set by `start`.
    bootstrap_servers: str

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        heap: str = "512m",
        cache_dir: Path | None = None,
    ) -> None:
        """Prepare a server on `data_dir`; `port` None is a free one, the same at every start.

        `heap` is Java's largest heap; `cache_dir` keeps the downloaded jars, by default in the
        user's cache, for all servers of this user.
        """
        self._dir = data_dir.absolute()
        self._port = port
        self._heap = heap
        self._cache_dir = cache_dir.absolute() if cache_dir else default_cache_dir()
        self._process = ServerProcess(
            name="Kafka",
            data_dir=self._dir,
            stop_signal=signal.SIGTERM,
            stop_seconds=_STOP_SECONDS,
        )

    @property
    def pid(self) -> int:
        """The process id of the Java process."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the server has been started and has not ended since, asked for or not."""
        return self._process.is_running

    async def start(self) -> None:
        """Start the server; return when it answers. Raises EmbeddedServerError when it cannot."""
        java = java_program()
        await self._process.claim()
        try:
            jars = await class_path(self._cache_dir)
            port = remembered_port(self._dir / "port", self._port, server="Kafka")
            setup = KafkaSetup(folder=self._dir, java=java, class_path=jars, heap=self._heap)
            await asyncio.to_thread(setup.write, port)
            self._process.spawn(setup.command, cwd=self._dir)
            await self._process.wait_until(lambda: _answers(port), seconds=_START_SECONDS)
        except BaseException:
            self._process.kill()
            raise
        self.bootstrap_servers = f"127.0.0.1:{port}"

    async def stop(self) -> None:
        """End the server in an orderly way, within 30 seconds; does nothing when it is not up."""
        await self._process.stop()

    def kill(self) -> None:
        """End the server at once with SIGKILL, as a crash would."""
        self._process.kill()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()


async def _answers(port: int) -> bool:
    """Whether a client gets an answer in which the broker is part of its cluster."""
    if not is_listening(port):  # the client would log each refused connection as an error
        return False
    client = AIOKafkaAdminClient(
        bootstrap_servers=f"127.0.0.1:{port}", request_timeout_ms=_ANSWER_MILLISECONDS
    )
    try:
        await client.start()
        cluster = await client.describe_cluster()
        return bool(cluster["brokers"])
    except (KafkaError, OSError):
        return False
    finally:
        await client.close()
