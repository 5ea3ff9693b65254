"""Runs the deployment scripts in a checkout of their own, with stand-ins for the clouds' tools."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runtime.settings import environment_with
from tests.deploy.queries import ROOT

DEPLOYMENT = ROOT / "deployment"
STAND_IN = ROOT / "tests" / "deploy" / "stand_ins" / "stand_in.sh"
#: What the scripts call that would leave this machine.
TOOLS = ("terraform", "aws", "kubectl", "helm", "podman", "docker", "curl")
SECONDS = 60

#: How an installation answers that is there and well; a test puts its own replies before them.
WELL = (
    "terraform *output -raw region|0|eu-central-1|",
    "terraform *output -raw image_repository|0|1.dkr.ecr.example/ragline-staging|",
    "terraform *output -raw chart_values|0|config: {}\\n|",
    "terraform *output -raw domain|0|ragline.example.org|",
    "terraform *output -raw *|0|some-name|",
    "terraform * plan *|2||",
    'helm list *|0|- name: ragline\\n  revision: "7"\\n|',
    "curl *|0|200|",
)


@dataclass
class Checkout:
    """What the scripts take for the checkout, and what they called."""

    folder: Path
    replies: list[str] = field(default_factory=list)

    @classmethod
    def made(cls, folder: Path) -> "Checkout":
        shutil.copytree(DEPLOYMENT, folder / "deployment")
        shutil.copytree(ROOT / "charts" / "ragline", folder / "charts" / "ragline")
        (folder / "terraform").mkdir()
        (folder / "bin").mkdir()
        for environment in ("staging", "production"):
            (folder / "terraform" / f"backend-{environment}.hcl").touch()
            (folder / "terraform" / f"{environment}.tfvars").touch()
        for tool in TOOLS:
            (folder / "bin" / tool).symlink_to(STAND_IN)
        return cls(folder)

    def run(
        self, script: str, *arguments: str, **settings: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run a script to its end; ``settings`` are its environment beside the tools."""
        (self.folder / "replies").write_text("\n".join((*self.replies, *WELL, "")))
        path = environment_with()["PATH"]
        return subprocess.run(  # noqa: S603 - our own scripts
            [str(self.folder / "deployment" / script), *arguments],
            env={
                "PATH": f"{self.folder / 'bin'}{os.pathsep}{path}",
                "HOME": str(self.folder),
                "RECORD": str(self.folder / "record"),
                "REPLIES": str(self.folder / "replies"),
                "NO_PROXY": "*",
                **settings,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def calls(self, *beginning: str) -> list[str]:
        """The calls so far, in order; only those that begin so, if anything is said."""
        record = self.folder / "record"
        lines = record.read_text().splitlines() if record.exists() else []
        return [line for line in lines if line.startswith(beginning)] if beginning else lines

    def incoming(self) -> str:
        """What the tools got on their standard input."""
        record = self.folder / "record.stdin"
        return record.read_text() if record.exists() else ""

    def place(self, *parts: str) -> list[int]:
        """Where in the order of the calls each of these was first made."""
        return [first(self.calls(), part) for part in parts]


def first(calls: Sequence[str], part: str) -> int:
    """The place of the first call with this in it."""
    return next(place for place, call in enumerate(calls) if part in call)
