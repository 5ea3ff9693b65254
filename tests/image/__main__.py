"""A document goes from upload to answer through containers of the image: ``make image-test``.

    python -m tests.image [--image ragline:0.1.0] [--out DIR]

Kafka and PostgreSQL are embedded ones of this machine, the providers are servers on loopback that
speak the vendors' HTTP, and everything of ragline is a container with ENVIRONMENT=production: not
root, nothing writable but /tmp, no capabilities, the chart's memory limits. Needs Linux, and the
image (`make image`).
"""

import argparse
import asyncio
import secrets
import socket
import sys
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from cli.local.servers import running_servers
from contracts.topics import WORKERS
from runtime.settings import load_settings
from tests.chaos.report import Report
from tests.fixtures.llamaparse_server import LlamaParseServer
from tests.fixtures.openai_server import OpenAIServer
from tests.image.contents import check_contents, check_strictness
from tests.image.engine import Engine, EngineFailed, installed

ROOT = Path(__file__).resolve().parents[2]
HANDBOOK = ROOT / "examples" / "documents" / "tarnfell-handbook.pdf"
QUESTION = "When does the dome stay shut because of wind or humidity?"
ANSWER = "The dome stays shut when the wind is over 54 kilometres an hour [1]."
EMAIL = "ada@example.org"
#: Far longer than anything here takes.
PATIENCE = 120.0
USER = "10001"


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Containers that run, and where they are."""

    engine: Engine
    ports: dict[str, int]
    report: Report
    password: str


def main() -> int:
    """Run; 1 when a promise was broken."""
    parser = argparse.ArgumentParser(description="Send a document through containers.")
    parser.add_argument("--image", default="ragline:0.1.0")
    parser.add_argument("--out", type=Path, default=Path("build/image"))
    asked = parser.parse_args()
    if (tool := installed()) is None:
        sys.exit("Neither podman nor docker is installed: one of them runs the image.")
    try:
        report = asyncio.run(_report(tool, asked.image))
    except EngineFailed as error:
        sys.exit(f"Not done by the engine: {error}")
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "report.md").write_text(f"# The image\n\n```\n{report.text()}```\n")
    print(report.text())  # noqa: T201 - a report for people
    return report.status


async def _report(tool: str, image: str) -> Report:
    report = Report(f"from upload to answer through containers of {image}")
    with tempfile.TemporaryDirectory(prefix="ragline-image-") as folder:
        async with _servers(Path(folder)) as settings:
            engine = _engine(tool, image, Path(folder), settings)
            await check_contents(engine, report)
            await check_strictness(engine, report)
            stage = Stage(
                engine=engine,
                ports={name: _free_port() for name in ("gateway", *WORKERS)},
                report=report,
                password=secrets.token_urlsafe(12),
            )
            try:
                await _run(stage)
            finally:
                await engine.remove()
    return report.end()


@asynccontextmanager
async def _servers(folder: Path) -> AsyncGenerator[dict[str, str]]:
    """Start servers and providers; yields the settings of every container."""
    blobs = folder / "shared"
    blobs.mkdir()
    blobs.chmod(0o777)  # the container's user is nobody here
    local = load_settings(environment="test", data_dir=folder, blob_url=blobs.as_uri())
    async with AsyncExitStack() as stack:
        servers = await stack.enter_async_context(running_servers(local, folder))
        parsing = await stack.enter_async_context(LlamaParseServer())
        models = await stack.enter_async_context(OpenAIServer(text=ANSWER))
        where = {name.upper(): value for name, value in servers.where().items()}
        yield where | {
            "BLOB_URL": blobs.as_uri(),
            "JWT_SECRET": secrets.token_urlsafe(48),
            "LLAMAPARSE_API_KEY": parsing.key,
            "LLAMAPARSE_BASE_URL": parsing.base_url,
            "OPENAI_API_KEY": models.key,
            "OPENAI_BASE_URL": models.base_url,
            "EMBEDDING_MODEL": "text-embedding-3-small",
            "CHAT_MODEL": "scripted",
            "SIMILARITY_THRESHOLD": "0.1",  # its vectors are hashes of words
            "HOST": "127.0.0.1",
            "METRICS_HOST": "127.0.0.1",
        }


def _engine(tool: str, image: str, folder: Path, settings: dict[str, str]) -> Engine:
    file = folder / "settings"
    file.touch(mode=0o600)
    file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    return Engine(tool=tool, image=image, settings=file, folder=folder / "shared")


async def _run(stage: Stage) -> None:
    memory = _limit("jobs")
    await stage.engine.once("migrate", memory=memory)
    await stage.engine.once("topics", "apply", memory=memory)
    add = ("users", "add", EMAIL, "--password-stdin")
    await stage.engine.once(*add, memory=memory, stdin=f"{stage.password}\n")
    await asyncio.gather(*(_start(stage, name) for name in stage.ports))
    await asyncio.gather(*(_ready(stage, name) for name in stage.ports))
    try:
        await _upload_and_ask(stage)
    except (AssertionError, httpx.HTTPError):
        for name in stage.ports:
            print(f"--- {name}\n{(await stage.engine.logs(name))[-3000:]}", file=sys.stderr)  # noqa: T201
        raise
    await _locked_up(stage)
    for name in stage.ports:
        state = await stage.engine.stop(name)
        stage.report.same(f"{name}: exit status after SIGTERM", state["ExitCode"], 0)
        stage.report.same(f"{name}: killed for its memory", int(state["OOMKilled"]), 0)


async def _start(stage: Stage, name: str) -> None:
    is_worker = name in WORKERS
    port = str(stage.ports[name])
    await stage.engine.start(
        name,
        ["worker", name] if is_worker else [name],
        memory=_limit(name),
        settings={"METRICS_PORT" if is_worker else "PORT": port},
    )


async def _ready(stage: Stage, name: str) -> None:
    path = "readyz" if name in WORKERS else "health/ready"
    deadline = time.monotonic() + PATIENCE
    async with httpx.AsyncClient(trust_env=False) as client:
        while True:
            try:
                if (await client.get(_url(stage, name, path))).is_success:
                    return
            except httpx.TransportError:
                pass
            if time.monotonic() > deadline:
                said = await stage.engine.logs(name)
                raise EngineFailed(f"{name} is not ready after {PATIENCE:.0f} s:\n{said[-2000:]}")
            await asyncio.sleep(0.3)


async def _upload_and_ask(stage: Stage) -> None:
    async with httpx.AsyncClient(
        base_url=_url(stage, "gateway"), trust_env=False, timeout=60
    ) as client:
        login = {"email": EMAIL, "password": stage.password}
        entered = _good(await client.post("/api/v2/auth/login", json=login))
        client.headers["Authorization"] = f"Bearer {entered['access_token']}"
        began = time.monotonic()
        file = {"file": (HANDBOOK.name, HANDBOOK.read_bytes())}
        job = _good(await client.post("/api/v2/upload", files=file))
        job = await _ended(client, job["job_id"])
        stage.report.same("documents indexed", int(job["status"] == "indexed"), 1)
        stage.report.say("upload to index, ms", round(1000 * (time.monotonic() - began)))
        began = time.monotonic()
        answer = _good(await client.post("/chat", json={"message": QUESTION}))
        stage.report.say("question to answer, ms", round(1000 * (time.monotonic() - began)))
        assert "54 kilometres" in answer["answer"], answer
        cited = [one for one in answer["citations"] if one["filename"] == HANDBOOK.name]
        stage.report.same("citations of the document", len(cited), 1)


async def _ended(client: httpx.AsyncClient, job_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE
    while True:
        job = _good(await client.get(f"/api/v2/jobs/{job_id}"))
        if job["status"] in {"indexed", "failed", "deleted"}:
            return job
        assert time.monotonic() < deadline, job
        await asyncio.sleep(0.1)


async def _locked_up(stage: Stage) -> None:
    """Who the processes are and what they may do, as the kernel says it."""
    for name in stage.ports:
        status = await stage.engine.status(name)
        report = stage.report
        report.same(f"{name}: user", int(status["Uid"].split()[0]), int(USER))
        report.same(f"{name}: capabilities", int(status["CapEff"], 16), 0)
        report.same(f"{name}: may not gain privileges", int(status["NoNewPrivs"]), 1)
        writable = [
            path
            for path in ("/opt/ragline/new", "/new", "/etc/new", "/var/tmp/new")  # noqa: S108
            if await stage.engine.writes(name, path)
        ]
        report.none(f"{name}: paths that can be written to", writable)
        peak = int(status["VmHWM"].split()[0]) // 1024
        report.say(f"{name}: most memory, MiB (of {_limit(name)})", peak)


def _limit(name: str) -> str:
    """The memory limit of the chart, as engines write it: `768m`."""
    values = yaml.safe_load((ROOT / "charts" / "ragline" / "values.yaml").read_text())
    defaults = values["workerDefaults"] if name in WORKERS else values["gatewayDefaults"]
    own = values["workers"].get(name) or values.get(name) or {}
    limit: str = (own.get("resources") or defaults["resources"])["limits"]["memory"]
    return limit.removesuffix("i").lower()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _url(stage: Stage, name: str, path: str = "") -> str:
    return f"http://127.0.0.1:{stage.ports[name]}/{path}"


def _good(response: httpx.Response) -> dict[str, Any]:
    assert response.is_success, response.text
    content: dict[str, Any] = response.json()
    return content


if __name__ == "__main__":
    sys.exit(main())
