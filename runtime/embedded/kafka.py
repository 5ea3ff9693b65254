"""A real Apache Kafka of one node, as a child process."""

import asyncio
import base64
import signal
import subprocess
import uuid
from pathlib import Path
from types import TracebackType
from typing import Self

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from runtime.embedded import jars, kafka_config
from runtime.embedded.errors import EmbeddedServerError
from runtime.embedded.installed import java_program
from runtime.embedded.logs import last_meaningful_line
from runtime.embedded.ports import free_port, is_free, remembered_port
from runtime.embedded.process import ServerProcess

_START_SECONDS = 90.0
_STOP_SECONDS = 30.0
_ANSWER_SECONDS = 5.0


class EmbeddedKafka:
    """Apache Kafka in KRaft mode on 127.0.0.1, with its data, logs and port kept in one folder."""

    bootstrap_servers: str
    """`127.0.0.1:PORT`; set by `start`."""

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        heap: str = "512m",
        cache_dir: Path | None = None,
    ) -> None:
        """Prepare a server on `data_dir`; `port` None is a free one, the same at every start.

        `heap` is Java's largest heap; `cache_dir` keeps the downloaded jars (default: one folder
        in the user's cache, shared by all).
        """
        self._dir = data_dir.absolute()
        self._port = port
        self._heap = heap
        self._cache_dir = cache_dir or jars.default_cache_dir()
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

    async def start(self) -> None:
        """Start the server and return when it answers; raises EmbeddedServerError when it cannot."""
        java = java_program()
        await self._process.claim()
        try:
            port = remembered_port(self._dir / "port", self._port, server="Kafka")
            command = await self._command(java, port)
            await self._format(command)
            self._process.spawn([*command, "kafka.Kafka", str(self._properties)], cwd=self._dir)
            self.bootstrap_servers = f"127.0.0.1:{port}"
            await self._process.wait_until(self._answers, seconds=_START_SECONDS)
        except BaseException:
            self._process.kill()
            raise

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

    @property
    def _properties(self) -> Path:
        return self._dir / "server.properties"

    async def _command(self, java: Path, port: int) -> list[str]:
        """Write the configuration for `port` and answer the command line up to the main class."""
        class_path = await jars.class_path(self._cache_dir)
        logging, temporary = self._dir / "log4j2.xml", self._dir / "tmp"
        temporary.mkdir(exist_ok=True)
        logging.write_text(
            kafka_config.logging_configuration(self._process.log_dir), encoding="utf-8"
        )
        properties = kafka_config.server_properties(
            self._dir / "data", port=port, controller_port=self._controller_port()
        )
        self._properties.write_text(properties, encoding="utf-8")
        options = kafka_config.java_options(heap=self._heap, logging=logging, temporary=temporary)
        return [str(java), *options, "-cp", class_path]

    def _controller_port(self) -> int:
        # Only this server knows it, so another one serves as well when it is taken.
        file = self._dir / "controller_port"
        if file.exists() and not is_free(int(file.read_text(encoding="ascii"))):
            file.unlink()
        return remembered_port(file, None, server="Kafka's controller")

    async def _format(self, command: list[str]) -> None:
        if (self._dir / "data" / "meta.properties").exists():
            return
        tool = [
            *command,
            "kafka.tools.StorageTool",
            "format",
            "--ignore-formatted",
            f"--cluster-id={_new_cluster_id()}",
            f"--config={self._properties}",
        ]
        done = await asyncio.to_thread(
            subprocess.run, tool, cwd=self._dir, capture_output=True, check=False
        )
        if done.returncode != 0:
            said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
            raise EmbeddedServerError(
                f"Kafka could not prepare {self._dir}: {said[0] if said else 'no reason given'}"
            )

    async def _answers(self) -> bool:
        """Whether the broker answers and counts itself in, as a client would see it."""
        if is_free(int(self.bootstrap_servers.rpartition(":")[2])):
            return False
        client = AIOKafkaAdminClient(
            bootstrap_servers=self.bootstrap_servers,
            request_timeout_ms=int(_ANSWER_SECONDS * 1000),
        )
        try:
            await client.start()
            cluster = await client.describe_cluster()
            return bool(cluster["brokers"])
        except (KafkaError, OSError):
            return False
        finally:
            await client.close()


def _new_cluster_id() -> str:
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
