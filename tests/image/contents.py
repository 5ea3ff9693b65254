"""What is in the image, what must not be, and what it does where nobody says anything."""

import re
import sys
from pathlib import Path

from tests.chaos.report import Report
from tests.image.engine import Engine, EngineFailed

ROOT = Path(__file__).resolve().parents[2]
MIB = 1024 * 1024


async def check_contents(engine: Engine, report: Report) -> None:
    """What is in the image, and what must not be."""
    try:
        size = await engine.call("image", "inspect", "--format", "{{.Size}}", engine.image)
    except EngineFailed:
        sys.exit(f"There is no image {engine.image}: make image builds it.")
    report.say("size, MiB", int(size) // MIB)
    listing = "from importlib.metadata import distributions as d; print(*{x.name for x in d()})"
    said = await engine.call(
        "run", "--rm", "--network", "host", "--entrypoint", "python", engine.image, "-c", listing
    )
    there = {_plain(name) for name in said.split()}
    wanted = _locked("cloud")
    report.say("packages", len(there))
    report.none("packages of development or embedded servers", there & (_locked("dev") - wanted))


async def check_strictness(engine: Engine, report: Report) -> None:
    """Nobody says where it runs: the image takes it for production, and names what is missing."""
    try:
        said = await engine.call("run", "--rm", "--network", "host", engine.image, "gateway")
    except EngineFailed as error:
        said = str(error)
    sentence = "is missing: ENVIRONMENT=production needs it."
    report.same("refuses to start without settings", int(sentence in said), 1)


def _locked(name: str) -> set[str]:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    return {_plain(found) for found in re.findall(r"^([\w.-]+)==", text, re.MULTILINE)}


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
