"""What a large upload costs the gateway: ``python -m benchmarks.upload_memory``.

A file of 500 MB goes to the gateway, through authentication, form, hash, blob store and database,
and as many bytes to a bare handler that writes its request's stream to a file. The gateway may
take at most 16 MiB more than while it was idle, and at most 1.5 times as long.
"""

import asyncio
import multiprocessing
import secrets
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import psutil
import uvicorn
from litestar import Litestar, Request, post

from benchmarks.client import Client
from benchmarks.report import Report, benchmark
from benchmarks.stack import free_port, local_settings, scratch_folder
from cli.local.servers import running_servers
from cli.migrate import prepare_database
from cli.topics import apply_topics
from gateway.main import run
from runtime.settings import Settings

MIB = 2**20
_MOST_MIB, _MOST_TIMES = 16, 1.5
#: Text, so that it is taken; 52 kB a write.
_PIECE = b"The harbour ledger was opened by the winter council. " * 1000
_BOUNDARY = "ragline-benchmark"
_SAMPLE_SECONDS = 0.02
_START_SECONDS = 60.0


@dataclass
class Upload:
    """One upload: how long it took, and the most memory that it added."""

    seconds: float = 0.0
    added_mib: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Target:
    """A server that takes uploads."""

    port: int
    path: str
    process: psutil.Process
    headers: dict[str, str] = field(default_factory=dict[str, str])

    async def take(self, size: int) -> Upload:
        """Send ``size`` bytes and watch the server's memory meanwhile."""
        upload = Upload()
        watching = asyncio.create_task(self._watch(upload))
        began = perf_counter()
        try:
            await self._send(size)
        finally:
            upload.seconds = perf_counter() - began
            watching.cancel()
        return upload

    async def _watch(self, upload: Upload) -> None:
        idle = self.process.memory_full_info().uss
        while True:
            await asyncio.sleep(_SAMPLE_SECONDS)
            # In a thread: reading it takes milliseconds, in which nothing would be sent.
            now = (await asyncio.to_thread(self.process.memory_full_info)).uss
            upload.added_mib = max(upload.added_mib, (now - idle) / MIB)

    async def _send(self, size: int) -> None:
        head, tail = _form(secrets.token_hex(8))
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        lines = [f"POST {self.path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        lines += [f"Content-Type: multipart/form-data; boundary={_BOUNDARY}"]
        lines += [f"Content-Length: {len(head) + size + len(tail)}", "", ""]
        writer.write("\r\n".join(lines).encode() + head)
        async for piece in _pieces(size):
            writer.write(piece)
            await writer.drain()
        writer.write(tail)
        answer = await reader.read()
        writer.close()
        if answer[9:12] not in {b"201", b"202"}:
            raise RuntimeError(answer[:2000].decode(errors="replace"))


async def measure(report: Report) -> None:
    """Upload large files to the gateway and to a bare handler, in turns."""
    size, times = report.size(500, 20) * 1_000_000, report.size(5, 1)
    with scratch_folder() as folder:
        settings = local_settings(folder, max_upload_bytes=size + MIB, log_level="WARNING")
        async with running_servers(settings, folder) as servers:
            settings = settings.with_values(**servers.where())
            await prepare_database(settings)
            await apply_topics(settings)
            port = free_port()
            with _process(run, settings) as gateway, _process(_bare, port, folder) as bare:
                uploads = Target(
                    port=settings.port,
                    path="/api/v2/upload",
                    process=gateway,
                    headers=await _registered(settings),
                )
                reference = Target(port=port, path="/", process=bare)
                await _answers(port)
                for target in (uploads, reference):  # what is loaded once is no cost of an upload
                    await target.take(1000)
                ours, theirs = [], []
                for _ in range(times):
                    ours.append(await uploads.take(size))
                    theirs.append(await reference.take(size))
    _tell(report, size, ours, theirs)


def _tell(report: Report, size: int, ours: list[Upload], theirs: list[Upload]) -> None:
    added = max(upload.added_mib for upload in ours)
    seconds, bare = (median(upload.seconds for upload in taken) for taken in (ours, theirs))
    report.figure(f"{size / 1e6:g} MB: memory added", added, unit="MiB", most=_MOST_MIB)
    report.figure(f"{size / 1e6:g} MB: time / bare handler", seconds / bare, most=_MOST_TIMES)
    report.listing(
        "each upload",
        ("server", "seconds", "MB/s", "MiB added"),
        [
            (name, upload.seconds, size / 1e6 / upload.seconds, upload.added_mib)
            for name, taken in (("gateway", ours), ("bare handler", theirs))
            for upload in taken
        ],
    )


def _form(name: str) -> tuple[bytes, bytes]:
    """Return what comes before and after the file; its first words make each file a new one."""
    head = (
        f"--{_BOUNDARY}\r\nContent-Disposition: form-data; "
        f'name="file"; filename="{name}.txt"\r\nContent-Type: text/plain\r\n\r\n{name} '
    )
    return head.encode(), f"\r\n--{_BOUNDARY}--\r\n".encode()


async def _pieces(size: int) -> AsyncIterator[bytes]:
    left = size
    while left > 0:
        yield _PIECE[:left]
        left -= len(_PIECE)


async def _registered(settings: Settings) -> dict[str, str]:
    await _answers(settings.port)
    user = {"email": "benchmark@example.org", "password": secrets.token_urlsafe(12)}
    async with Client(f"http://127.0.0.1:{settings.port}") as client:
        (await client.post("/api/v2/auth/users", user)).json()
        session = (await client.post("/api/v2/auth/login", user)).json()
    return {"Authorization": f"Bearer {session['access_token']}"}


async def _answers(port: int) -> None:
    async with asyncio.timeout(_START_SECONDS):
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.1)


def _bare(port: int, folder: Path) -> None:
    """Serve a handler that writes its request's stream to a file, on the same server."""

    @post("/", request_max_body_size=None)
    async def take(request: Request[Any, Any, Any]) -> None:
        with (folder / "bare").open("wb") as file:
            async for piece in request.stream():
                file.write(piece)

    uvicorn.run(
        Litestar([take], openapi_config=None), port=port, log_level="warning", access_log=False
    )


@contextmanager
def _process(work: Callable[..., None], *arguments: object) -> Generator[psutil.Process]:
    process: BaseProcess = multiprocessing.get_context("spawn").Process(
        target=work, args=arguments, daemon=True
    )
    process.start()
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.join()


if __name__ == "__main__":
    benchmark("upload_memory", measure)
