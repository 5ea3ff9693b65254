"""The extra workers of the generations that are being built here, started and stopped by need."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from cli.local.child import Child, ChildBroken
from contracts.errors import StoreUnavailable
from contracts.topics import BUILDERS
from runtime.settings import Settings
from store import Store
from store.connecting import connect

log = structlog.get_logger(__name__)

#: Between two looks at what is being built.
LOOK_SECONDS = 1.0
#: A worker of a build that keeps dying is left alone for so long; the rest goes on.
LEFT_ALONE_SECONDS = 60.0

#: Makes the process of a worker for a generation.
MakeChild = Callable[[str, int], Child]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Running:
    child: Child
    watching: asyncio.Task[None]


class BuildWorkers:
    """A chunker and an embedder for each generation that is being built."""

    def __init__(self, store: Store, make: MakeChild, *, patience: float) -> None:
        self._store = store
        self._make = make
        self._patience = patience
        self._running: dict[tuple[str, int], _Running] = {}

    @property
    def children(self) -> list[Child]:
        """The processes that run now."""
        return [running.child for running in self._running.values()]

    async def keep(self) -> None:
        """Keep the processes that builds need, and no others, until cancelled."""
        while True:
            try:
                await self._adjust()
            except StoreUnavailable as error:
                log.warning("builds_not_looked_at", reason=error.message)
            await asyncio.sleep(LOOK_SECONDS)

    async def stop(self) -> None:
        """Let every process drain and end."""
        await self._end(list(self._running))

    async def _adjust(self) -> None:
        async with self._store.system() as system:
            builds = await system.builds.unfinished()
        wanted = {
            (name, build.generation_id)
            for build in builds
            if build.has_workers
            for name in BUILDERS
        }
        await self._end([key for key in self._running if key not in wanted])
        for key in sorted(wanted - self._running.keys()):
            child = self._make(*key)
            self._running[key] = _Running(child=child, watching=asyncio.create_task(_watch(child)))
            log.info("build_worker_started", worker=child.name)

    async def _end(self, keys: list[tuple[str, int]]) -> None:
        ending = [self._running.pop(key) for key in keys]
        await asyncio.gather(*(one.child.stop(seconds=self._patience) for one in ending))
        for one in ending:
            one.watching.cancel()
        await asyncio.gather(*(one.watching for one in ending), return_exceptions=True)


@asynccontextmanager
async def build_workers(
    settings: Settings, make: MakeChild, *, patience: float
) -> AsyncGenerator[BuildWorkers]:
    """Yield the workers of builds, which come and go by themselves; they drain on leaving."""
    async with connect(settings, application="up") as store:
        workers = BuildWorkers(store, make, patience=patience)
        keeping = asyncio.create_task(workers.keep())
        try:
            yield workers
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            await workers.stop()


async def _watch(child: Child) -> None:
    """Keep one process running; one that will not run must not end what works."""
    while True:
        try:
            await child.watch()
        except ChildBroken as error:
            log.error("build_worker_keeps_dying", worker=child.name, reason=str(error))  # noqa: TRY400 - the sentence says it
            await asyncio.sleep(LEFT_ALONE_SECONDS)
        else:
            return
