"""The cluster of KUBECONFIG as a run sees it: what helm does there, how many pods there are."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contracts.topics import WORKERS

ROOT = Path(__file__).resolve().parents[2]
RELEASE = "ragline"


class CommandFailed(Exception):
    """A command of the cluster's tools failed; the message is what it said."""


async def command(*words: str, given: str | None = None) -> str:
    """Run a command and return its output; raise ``CommandFailed`` with what it said."""
    process = await asyncio.create_subprocess_exec(
        *words,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, error = await process.communicate((given or "").encode())
    if process.returncode:
        raise CommandFailed(f"{' '.join(words[:4])}: {error.decode().strip()[-2000:]}")
    return out.decode()


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A namespace of the cluster, and the values that every revision of the release has."""

    namespace: str
    values: Mapping[str, str]

    async def check(self) -> None:
        """Raise ``CommandFailed`` unless the cluster answers and has KEDA."""
        await command("kubectl", "get", "crd", "scaledobjects.keda.sh")

    async def prepare(self, secrets: Mapping[str, str]) -> None:
        """Make the namespace and the Secret anew."""
        await self.remove()
        await command("kubectl", "create", "namespace", self.namespace)
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": RELEASE, "namespace": self.namespace},
            "stringData": dict(secrets),
        }
        await command("kubectl", "apply", "-f", "-", given=json.dumps(secret))

    async def install(self) -> None:
        """Install the chart and wait until all is ready."""
        await self._helm("install")

    async def upgrade(self, **changes: str) -> None:
        """Upgrade to other values and wait until all is ready."""
        await self._helm("upgrade", changes)

    async def rollback(self) -> None:
        """Go back to the revision before and wait until all is ready."""
        await command("helm", "rollback", RELEASE, "-n", self.namespace, "--wait", "--timeout=5m")

    async def remove(self) -> None:
        """Remove the namespace with all that is in it."""
        gone = ("--ignore-not-found", "--wait=true", "--timeout=180s")
        await command("kubectl", "delete", "namespace", self.namespace, *gone)

    async def replicas(self) -> dict[str, int]:
        """Return how many pods of each worker are ready now."""
        listed = await self._get("deployments")
        found = {one["metadata"]["name"]: one["status"] for one in listed}
        return {
            worker: found.get(f"{RELEASE}-{worker}", {}).get("readyReplicas", 0)
            for worker in WORKERS
        }

    async def minimums(self) -> dict[str, int]:
        """Return the fewest pods that each worker may have."""
        listed = await self._get("scaledobjects.keda.sh")
        found = {one["metadata"]["name"]: one["spec"]["minReplicaCount"] for one in listed}
        return {worker: found[f"{RELEASE}-{worker}"] for worker in WORKERS}

    async def restarts(self) -> int:
        """Return how often containers were started again."""
        return sum(
            status["restartCount"]
            for pod in await self._get("pods")
            for status in pod["status"].get("containerStatuses", [])
        )

    async def _get(self, kind: str) -> list[Any]:
        answer = await command("kubectl", "get", kind, "-n", self.namespace, "-o", "json")
        items: list[Any] = json.loads(answer)["items"]
        return items

    async def _helm(self, verb: str, changes: Mapping[str, str] | None = None) -> None:
        chart = str(ROOT / "charts" / "ragline")
        own = str(Path(__file__).parent / "values.yaml")
        sets = [f"--set={key}={value}" for key, value in {**self.values, **(changes or {})}.items()]
        where = ("-n", self.namespace, "-f", own, "--wait", "--timeout=5m")
        await command("helm", verb, RELEASE, chart, *where, *sets)
