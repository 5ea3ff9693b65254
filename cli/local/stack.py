"""The gateway and the workers of this machine, started, awaited, watched and stopped in order."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx

from cli.local.builds import BuildWorkers, build_workers
from cli.local.child import Child, ChildBroken, Command
from contracts.topics import WORKERS
from runtime.clock import SystemClock
from runtime.settings import Settings, environment_with

READY_SECONDS = 90.0
POLL_SECONDS = 0.1
#: Beyond the drain: to commit and to close.
CLOSING_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Stack:
    """What is running, and where."""

    url: str
    children: tuple[Child, ...]
    watching: tuple[asyncio.Task[None], ...]
    #: The extra workers of generations that are being built; they come and go.
    builds: BuildWorkers

    async def broken(self) -> None:
        """Wait until a process is given up; raises ``ChildBroken``."""
        done, _ = await asyncio.wait(self.watching, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()


@asynccontextmanager
async def running_stack(
    settings: Settings, folder: Path, scale: dict[str, int]
) -> AsyncGenerator[Stack]:
    """Start the gateway and ``scale[name]`` (default 1) of each worker; yield when all are ready.

    Generations that are being built get workers of their own, and lose them when they are built.
    On leaving, the gateway ends first (nothing new comes in), then the workers drain and end.
    """
    gateway, workers = _children(settings, folder, scale)
    everybody = (gateway, *workers)
    watching = tuple(asyncio.create_task(child.watch()) for child in everybody)
    patience = settings.drain_seconds + CLOSING_SECONDS
    make = partial(_builder, settings, folder)
    try:
        async with build_workers(settings, make, patience=patience) as builds:
            stack = Stack(
                url=f"http://{settings.host}:{settings.port}",
                children=everybody,
                watching=watching,
                builds=builds,
            )
            await _until_ready(stack, folder, workers)
            yield stack
    finally:
        await gateway.stop(seconds=patience)
        await asyncio.gather(*(worker.stop(seconds=patience) for worker in workers))
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)


def _children(settings: Settings, folder: Path, scale: dict[str, int]) -> tuple[Child, list[Child]]:
    logs, run = folder / "logs", folder / "run"
    for directory in (logs, run):
        directory.mkdir(parents=True, exist_ok=True)
    environment = _environment(settings)
    gateway = _child("gateway", ["gateway"], environment, logs)
    workers: list[Child] = []
    for name in _instances(scale):
        port_file = run / f"{name}.port"
        port_file.unlink(missing_ok=True)
        arguments = ["worker", name.split("-")[0], "--port-file", str(port_file)]
        workers.append(_child(name, arguments, environment, logs))
    return gateway, workers


def _builder(settings: Settings, folder: Path, name: str, generation: int) -> Child:
    arguments = ["worker", name, "--generation", str(generation)]
    return _child(f"{name}-g{generation}", arguments, _environment(settings), folder / "logs")


def _child(name: str, arguments: list[str], environment: dict[str, str], logs: Path) -> Child:
    command = Command(arguments=arguments, environment=environment, log_file=logs / f"{name}.log")
    return Child(name, command, SystemClock())


def _instances(scale: dict[str, int]) -> Iterable[str]:
    for name in WORKERS:
        for number in range(scale.get(name, 1)):
            yield name if number == 0 else f"{name}-{number + 1}"


def _environment(settings: Settings) -> dict[str, str]:
    """Return an environment that says to every process where the servers are."""
    return environment_with(**settings.as_environment())


async def _until_ready(stack: Stack, folder: Path, workers: list[Child]) -> None:
    waiting = asyncio.create_task(all_ready(stack.url, folder, [child.name for child in workers]))
    broken = asyncio.create_task(stack.broken())
    try:
        await asyncio.wait(
            [waiting, broken], return_when=asyncio.FIRST_COMPLETED, timeout=READY_SECONDS
        )
        if broken.done():
            broken.result()
        if waiting.done():
            waiting.result()
        else:
            raise ChildBroken(
                f"Not everything was ready within {READY_SECONDS:.0f} s; see {folder / 'logs'}."
            )
    finally:
        waiting.cancel()
        broken.cancel()


async def all_ready(url: str, folder: Path, names: list[str]) -> None:
    """Return when the gateway and these workers have once said that they are ready."""
    async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
        await _answers(client, lambda: f"{url}/health/ready")
        for name in names:
            await _answers(client, partial(_probe, folder / "run" / f"{name}.port"))


def _probe(port_file: Path) -> str | None:
    """Return where a worker says that it is ready, None before it has said where."""
    port = port_file.read_text(encoding="ascii") if port_file.exists() else ""
    return f"http://127.0.0.1:{port}/readyz" if port else None


async def _answers(client: httpx.AsyncClient, where: Callable[[], str | None]) -> None:
    """Return on a success; ``where`` is asked each time, for a process that is started again."""
    while True:
        try:
            if (url := where()) and (await client.get(url)).is_success:
                return
        except httpx.HTTPError:
            pass
        await asyncio.sleep(POLL_SECONDS)
