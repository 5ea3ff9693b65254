"""podman or docker: containers as locked up as the chart's pods, and what is to be seen of them."""

import asyncio
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: The grace period that most workers of the chart have.
STOP_SECONDS = 60
#: The same in every container; nothing of it weakens what the image says of itself.
LOCKED = (
    *("--network", "host"),
    "--read-only",
    *("--cap-drop", "ALL"),
    *("--security-opt", "no-new-privileges"),
    *("--tmpfs", "/tmp:rw,size=512m,mode=1777"),  # noqa: S108 - a volume of the container's own
)
#: podman adds volumes to a container that is read-only; a pod has none.
PODMAN = ("--read-only-tmpfs=false",)


class EngineFailed(Exception):
    """The engine did not do what it was told; the message has its own words."""


def installed() -> str | None:
    """Return podman or docker, whichever is there."""
    return shutil.which("podman") or shutil.which("docker")


@dataclass
class Engine:
    """Runs containers of one image, with the same settings and one folder of the host."""

    tool: str
    image: str
    #: File of settings, one `NAME=value` a line.
    settings: Path
    #: Mounted at the same place.
    folder: Path
    #: Names of the containers that were started, by what they are.
    containers: dict[str, str] = field(default_factory=dict)

    async def once(self, *command: str, memory: str, stdin: str = "") -> str:
        """Run a command to its end and return what it said."""
        return await self.call(
            "run", "--rm", "--interactive", *self._options(memory), self.image, *command,
            stdin=stdin,
        )  # fmt: skip

    async def start(
        self, name: str, command: Sequence[str], *, memory: str, settings: Mapping[str, str]
    ) -> None:
        """Start a process that stays, with further settings."""
        own = [part for key, value in settings.items() for part in ("--env", f"{key}={value}")]
        self.containers[name] = f"{self.folder.name}-{name}"
        await self.call(
            "run", "--detach", "--name", self.containers[name], *self._options(memory), *own,
            self.image, *command,
        )  # fmt: skip

    async def status(self, name: str) -> dict[str, str]:
        """Return what the kernel says of the first process: `Uid`, `CapEff`, `NoNewPrivs`, …"""
        text = await self.call("exec", self.containers[name], "cat", "/proc/1/status")
        return {key: value.strip() for key, _, value in map(_split, text.splitlines())}

    async def writes(self, name: str, path: str) -> bool:
        """Return whether a file can be made there."""
        try:
            await self.call("exec", self.containers[name], "touch", path)
        except EngineFailed:
            return False
        return True

    async def stop(self, name: str) -> dict[str, Any]:
        """Ask the process to end, wait, and return its last state."""
        await self.call("stop", "--time", str(STOP_SECONDS), self.containers[name])
        [seen] = json.loads(await self.call("inspect", self.containers[name]))
        state: dict[str, Any] = seen["State"]
        return state

    async def logs(self, name: str) -> str:
        """Return what the process has written."""
        return await self.call("logs", self.containers[name])

    async def remove(self) -> None:
        """Remove every container, running or not."""
        for container in self.containers.values():
            await self.call("rm", "--force", container)

    async def call(self, *arguments: str, stdin: str = "") -> str:
        """Run the engine; what it says on both outputs, or ``EngineFailed``."""
        process = await asyncio.create_subprocess_exec(
            self.tool,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate(stdin.encode())
        text = said.decode(errors="replace")
        if process.returncode:
            raise EngineFailed(f"{Path(self.tool).name} {' '.join(arguments)}\n{text[-2000:]}")
        return text

    def _options(self, memory: str) -> list[str]:
        mounted = f"{self.folder}:{self.folder}"
        locked = LOCKED + (PODMAN if Path(self.tool).name == "podman" else ())
        return [*locked, "--memory", memory, "--env-file", str(self.settings), "--volume", mounted]


def _split(line: str) -> tuple[str, str, str]:
    return line.partition(":")
