"""What a Kafka needs before it can start: a configuration, and formatted data."""

import base64
import shutil
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path

from runtime.embedded.errors import EmbeddedServerError
from runtime.embedded.kafka_config import LOGGING, java_options, server_properties
from runtime.embedded.logs import meaningful_line
from runtime.embedded.ports import is_free, remembered_port
from runtime.embedded.process import cannot_run

_DATA, _PARTIAL = "data", "data.partial"
_PROPERTIES, _FORMAT_PROPERTIES = "server.properties", "format.properties"


@dataclass(frozen=True, kw_only=True)
class KafkaSetup:
    """The files of one Kafka and the command line that runs on them."""

    folder: Path
    java: Path
    class_path: str
    heap: str

    @property
    def command(self) -> list[str]:
        """The command line of the server; it is to be run in `folder`."""
        return [*self._java(), "kafka.Kafka", _PROPERTIES]

    def write(self, port: int) -> None:
        """Write the configuration for `port`, and format the data when there is none yet.

        Raises EmbeddedServerError when Java cannot run or the data cannot be formatted.
        """
        self.folder.chmod(0o700)  # the log holds the text of documents
        shutil.rmtree(self._temporary, ignore_errors=True)
        self._temporary.mkdir()
        self._logging.write_text(LOGGING, encoding="ascii")
        controller_port = self._controller_port()
        for name, data in ((_PROPERTIES, _DATA), (_FORMAT_PROPERTIES, _PARTIAL)):
            text = server_properties(data=data, port=port, controller_port=controller_port)
            (self.folder / name).write_text(text, encoding="ascii")
        if not (self.folder / _DATA).exists():
            self._format()

    @property
    def _temporary(self) -> Path:
        return self.folder / "tmp"

    @property
    def _logging(self) -> Path:
        return self.folder / "log4j2.xml"

    def _java(self) -> list[str]:
        options = java_options(heap=self.heap, logging=self._logging, temporary=self._temporary)
        return [str(self.java), *options, "-cp", self.class_path]

    def _controller_port(self) -> int:
        # Only this server knows it, so another one serves as well when it is taken.
        file = self.folder / "controller_port"
        if file.exists() and not is_free(int(file.read_text(encoding="ascii"))):
            file.unlink()
        return remembered_port(file, None, server="Kafka's controller")

    def _format(self) -> None:
        """Make formatted data, whole or not at all."""
        shutil.rmtree(self.folder / _PARTIAL, ignore_errors=True)
        tool = ["kafka.tools.StorageTool", "format", f"--config={_FORMAT_PROPERTIES}"]
        try:
            done = subprocess.run(  # noqa: S603 - our own command line, no shell
                [*self._java(), *tool, f"--cluster-id={_new_cluster_id()}"],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
            )
        except OSError as error:
            raise cannot_run("Kafka", str(self.java), error) from error
        if done.returncode != 0:
            said = (done.stdout + done.stderr).decode(errors="replace")
            raise EmbeddedServerError(
                f"Kafka could not prepare {self.folder} (exit status {done.returncode}): "
                f"{meaningful_line(said) or 'Java gave no reason'}"
            )
        (self.folder / _PARTIAL).rename(self.folder / _DATA)


def _new_cluster_id() -> str:
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
