"""Wrong and odd requests to every endpoint of a whole stack: ``python -m tests.fuzz --seed 1``.

Schemathesis makes them from the OpenAPI document. No answer may be a server's error, or one that
the document does not describe.
"""

import argparse
import asyncio
import secrets
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import msgspec

from cli.local.first_user import ensure_first_user
from cli.local.servers import running_servers
from cli.local.stack import running_stack
from cli.migrate import prepare_database
from cli.topics import apply_topics
from runtime.settings import Settings, load_settings

#: So few requests are no run.
CASES = 2000
#: Of each endpoint, beside those that cover its description: some 3,000 requests, a minute or two.
EXAMPLES = 20
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
FAR = 1_000_000


def main() -> int:
    """Run; 1 when an answer was wrong, or fewer requests were made than asked for."""
    parser = argparse.ArgumentParser(description="Send odd requests to every endpoint.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", type=int, default=CASES)
    parser.add_argument("--examples", type=int, default=EXAMPLES)
    parser.add_argument("--only", help="one operationId")
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="ragline-fuzz-"))
    try:
        return asyncio.run(_run(asked, folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _run(asked: argparse.Namespace, folder: Path) -> int:
    async with _running(folder) as stack:
        command = _command(stack, asked, folder)
        process = await asyncio.create_subprocess_exec(*command, cwd=folder)
        status = await process.wait()
        cases = _counted(folder)
        healthy = _is_healthy(stack)
    print(f"{cases} requests, seed {asked.seed}")  # noqa: T201 - its output
    if asked.only is None and cases < asked.cases:
        print(f"Fewer than {asked.cases}: raise --examples.")  # noqa: T201 - its output
        return 1
    return status or int(not healthy)


@dataclass(frozen=True)
class _Stack:
    url: str
    #: Of the operator, who may call every endpoint.
    token: str


@asynccontextmanager
async def _running(folder: Path) -> AsyncGenerator[_Stack]:
    settings = _settings(folder)
    async with running_servers(settings, folder) as servers:
        watching = asyncio.create_task(servers.watch())
        settings = settings.with_values(**servers.where())
        await prepare_database(settings)
        await apply_topics(settings)
        async with running_stack(settings, folder, {}) as stack:
            yield _Stack(stack.url, await _token(settings, folder, stack.url))
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


def _settings(folder: Path) -> Settings:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    return load_settings(
        environment="test",
        data_dir=folder,
        port=port,
        jwt_secret=secrets.token_urlsafe(48),
        kafka_partitions=6,
        access_token_seconds=86_400,
        user_requests_per_minute=FAR,
        address_requests_per_minute=FAR,
        login_attempts_per_minute=FAR,
    )


async def _token(settings: Settings, folder: Path, url: str) -> str:
    """Return a token of the operator, who has a document and a conversation."""
    assert settings.database_url
    access = await ensure_first_user(settings.database_url.get_secret_value(), folder, url)
    async with httpx.AsyncClient(base_url=url, timeout=120, trust_env=False) as client:
        who = {"email": access.email, "password": access.password}
        token = str((await client.post("/api/v2/auth/login", json=who)).json()["access_token"])
        client.headers["Authorization"] = f"Bearer {token}"
        files = {"file": ("handbook.txt", b"Backups are kept for thirty days.")}
        (await client.post("/api/v2/upload", files=files)).raise_for_status()
        (await client.post("/chat", json={"message": "Backups?"})).raise_for_status()
    return token


def _command(stack: _Stack, asked: argparse.Namespace, folder: Path) -> list[str]:
    only = ["--include-operation-id", asked.only] if asked.only else []
    return [
        str(Path(sys.executable).with_name("st")),
        "run",
        f"{stack.url}/schema/openapi.json",
        *only,
        *("--header", f"Authorization: Bearer {stack.token}"),
        *("--checks", ",".join(CHECKS)),
        *("--phases", "coverage,fuzzing"),
        *("--max-examples", str(asked.examples)),
        *("--seed", str(asked.seed)),
        *("--request-timeout", "60"),
        *("--generation-database", "none"),
        *("--suppress-health-check", "all"),
        *("--warnings", "off"),
        *("--report", "ndjson"),
        *("--report-ndjson-path", str(folder / "report.ndjson")),
        "--continue-on-failure",
        "--no-shrink",
        "--no-color",
    ]


def _counted(folder: Path) -> int:
    """Return how many requests were answered, by the report."""
    report = folder / "report.ndjson"
    if not report.exists():
        return 0
    with report.open("rb") as lines:
        return sum(_requests(msgspec.json.decode(line)) for line in lines)


def _requests(event: object) -> int:
    match event:
        case {"ScenarioFinished": {"recorder": {"interactions": dict() as interactions}}}:
            return len(interactions)
        case _:
            return 0


def _is_healthy(stack: _Stack) -> bool:
    return httpx.get(f"{stack.url}/health/ready", trust_env=False, timeout=30).is_success


if __name__ == "__main__":
    sys.exit(main())
