"""A worker's report about itself, written rarely and never waited for."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self, TypeVar

import structlog

from contracts.errors import RaglineError
from contracts.topics import WorkerName
from runtime.clock import Clock, SystemClock
from runtime.delivery import Obsolete
from store.store import Store
from store.transactions import SystemTransaction

log = structlog.get_logger(__name__)

#: However often a worker fails, it says so this often at most.
PAUSE_SECONDS = 5.0
#: Said where the error itself may hold what is nobody else's business.
_OUR_FAULT = "Something went wrong on our side; the worker's log has more."

T = TypeVar("T")


@dataclass(frozen=True)
class _Failure:
    code: str
    message: str
    at: datetime


class WorkerReporter:
    """Says that the worker has started and whom it asks, then its last error whenever there is one.

    Only codes and their general sentences are said: the report is shown to every tenant.
    """

    def __init__(
        self,
        store: Store,
        worker: WorkerName,
        *,
        provider: str | None = None,
        model: str | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._store = store
        self._worker: WorkerName = worker
        self._provider = provider
        self._model = model
        self._clock = clock or SystemClock()
        self._last: _Failure | None = None
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin to report."""
        self._task = asyncio.create_task(self._run(self._clock.now()))
        return self

    async def __aexit__(self, *_: object) -> None:
        """Report no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def note(self, error: Exception) -> None:
        """Remember the error as the last one; it is reported soon."""
        code, message = _told(error)
        self._last = _Failure(code, message, self._clock.now())
        self._wake.set()

    def watching(self, handle: Callable[..., Awaitable[T]]) -> Callable[[Any], Awaitable[T]]:
        """Return a handler that notes the errors that it raises and is otherwise the same."""

        async def watched(event: Any) -> T:
            try:
                return await handle(event)
            except Obsolete:
                raise
            except Exception as error:
                self.note(error)
                raise

        return watched

    async def _run(self, started_at: datetime) -> None:
        await self._insist(
            lambda tx: tx.worker_reports.started(
                self._worker, provider=self._provider, model=self._model, at=started_at
            )
        )
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._insist(self._tell_last)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _tell_last(self, tx: SystemTransaction) -> None:
        last = self._last
        if last is not None:
            await tx.worker_reports.failed(
                self._worker, code=last.code, message=last.message, at=last.at
            )

    async def _insist(self, say: Callable[[SystemTransaction], Awaitable[None]]) -> None:
        """Say it, however long the database is away."""
        while True:
            try:
                async with self._store.system() as tx:
                    await say(tx)
            except RaglineError as error:
                log.warning("worker_not_reported", code=error.code)
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                return


def _told(error: Exception) -> tuple[str, str]:
    """Return the code and the sentence of an error's kind, never what it says of its case."""
    if not isinstance(error, RaglineError):
        return RaglineError.code, _OUR_FAULT
    return error.code, (type(error).__doc__ or "").strip().splitlines()[0]
