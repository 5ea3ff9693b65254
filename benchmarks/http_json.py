"""What the gateway adds to a JSON request: ``python -m benchmarks.http_json``.

The same handler answers behind Litestar alone and behind everything that surrounds a request of
the gateway: authentication by token, limits per user and address, request id, trace, metrics, one
line of log. Processor seconds are those of the servers, without the client's.
"""

import asyncio
import sys
from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.client import Client
from benchmarks.json_server import PATH
from benchmarks.report import Report, benchmark
from benchmarks.stack import free_port, local_settings, scratch_folder
from cli.local.first_user import Access, ensure_first_user
from cli.local.servers import running_servers
from cli.migrate import prepare_database
from cli.topics import apply_topics
from runtime.settings import Settings, environment_with

_CLIENTS = 16
_TURNS = 5
_START_SECONDS = 30
#: An endpoint of the product that reads one page from the database.
_WITH_DATABASE = "/api/v2/jobs?limit=1"


@dataclass(frozen=True)
class Server:
    """A running server, and what its requests carry."""

    url: str
    process: psutil.Process
    headers: Mapping[str, str]

    def cpu_seconds(self) -> float:
        """Return what the server spent since its start."""
        times = self.process.cpu_times()
        return times.user + times.system


async def measure(report: Report) -> None:
    """Send the same requests to both servers, in turns."""
    with scratch_folder() as folder:
        settings = local_settings(folder)
        async with running_servers(settings, folder) as servers:
            settings = settings.with_values(**servers.where())
            await prepare_database(settings)
            await apply_topics(settings)
            access = await ensure_first_user(_dsn(settings), folder, "")
            async with (
                _running("bare", settings, folder, None) as bare,
                _running("gateway", settings, folder, access) as gateway,
            ):
                await _compare(report, bare, gateway)


async def _compare(report: Report, bare: Server, gateway: Server) -> None:
    ways = {
        "Litestar alone": (bare, PATH),
        "gateway": (gateway, PATH),
        "gateway, with a read from the database": (gateway, _WITH_DATABASE),
    }
    each = report.size(3000, 500)
    spent: dict[str, list[float]] = defaultdict(list)
    for name in [*ways, *list(ways) * _TURNS]:
        server, path = ways[name]
        spent[name].append(await _cpu_seconds(server, path, each) / each)
    # Without the first turn, in which everything was loaded.
    rates = {name: _TURNS / sum(costs[1:]) for name, costs in spent.items()}
    report.listing(
        f"{each * _TURNS:,} requests by {_CLIENTS} clients",
        ("server", "requests per CPU-s", "CPU µs per request"),
        [(name, rate, 1e6 / rate) for name, rate in rates.items()],
    )
    ratio = rates["gateway"] / rates["Litestar alone"]
    report.figure("requests per CPU-s, gateway / Litestar alone", ratio, least=0.7)


async def _cpu_seconds(server: Server, path: str, requests: int) -> float:
    waiting = iter(range(requests))

    async def client() -> None:
        async with Client(server.url, server.headers) as connection:
            for _ in waiting:
                (await connection.get(path)).json()

    before = server.cpu_seconds()
    await asyncio.gather(*(client() for _ in range(_CLIENTS)))
    return server.cpu_seconds() - before


@asynccontextmanager
async def _running(
    kind: str, settings: Settings, folder: Path, access: Access | None
) -> AsyncGenerator[Server]:
    port = free_port()
    environment = environment_with(**settings.with_values(port=port).as_environment())
    with (folder / f"{kind}.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.json_server", kind, stdout=log, env=environment
        )
    try:
        url = f"http://127.0.0.1:{port}"
        await _until_it_answers(url)
        headers = {} if access is None else await _log_in(url, access)
        yield Server(url, psutil.Process(process.pid), headers)
    finally:
        process.terminate()
        await process.wait()


async def _until_it_answers(url: str) -> None:
    async with asyncio.timeout(_START_SECONDS):
        while True:
            try:
                async with Client(url) as client:
                    await client.get("/health")
            except OSError:
                await asyncio.sleep(0.1)
            else:
                return


async def _log_in(url: str, access: Access) -> dict[str, str]:
    credentials = {"email": access.email, "password": access.password}
    async with Client(url) as client:
        session = (await client.post("/api/v2/auth/login", credentials)).json()
    return {"Authorization": f"Bearer {session['access_token']}"}


def _dsn(settings: Settings) -> str:
    url = settings.database_url
    return "" if url is None else url.get_secret_value()


if __name__ == "__main__":
    benchmark("http_json", measure)
