"""Where pods run as processes of this machine: what their kubelet's log says of them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class KubeletLog:
    """Events, one JSON object a line, of pods in one namespace since a moment."""

    path: Path
    namespace: str
    #: Seconds since the epoch: what was before belongs to another run.
    since: float

    def events(self) -> list[dict[str, Any]]:
        """Return all events until now."""
        lines = self.path.read_text().splitlines()
        events = [json.loads(line) for line in lines if line.startswith("{")]
        return [
            event
            for event in events
            if event["namespace"] == self.namespace and event["at"] >= self.since
        ]

    def gateway(self) -> str | None:
        """Return the address of the gateway that became ready last, None before there is one."""
        ports: dict[str, int] = {}
        ready: list[str] = []
        for event in self.events():
            pod = event["pod"]
            if not pod.startswith("ragline-gateway-"):
                continue
            match event["event"]:
                case "started":
                    ports[pod] = event["ports"]["http"]
                case "ready":
                    ready.append(pod)
                case "exited" | "unready":
                    ready = [one for one in ready if one != pod]
        return f"http://127.0.0.1:{ports[ready[-1]]}" if ready else None

    def killed(self) -> list[str]:
        """Return the pods that were killed at the end of their grace period."""
        return [event["pod"] for event in self.events() if event["event"] == "killed"]

    def slowest_end(self) -> float:
        """Return the most seconds that a process took to end after SIGTERM."""
        ends = [event.get("term_seconds") for event in self.events() if event["event"] == "exited"]
        return max((end for end in ends if end is not None), default=0.0)
