"""Processes for CPU work: killed when they take too long, replaced when they die.

What runs in them is never a thread: native parsers are not thread-safe, cannot be interrupted,
and take the process with them when a file breaks them.
"""

import asyncio
import os
import pickle
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar, TypeVarTuple

from runtime.process_worker import FRAME_HEADER

#: What glibc keeps of freed memory. A small process gives it back page by page otherwise, only to
#: take it again: a fifth of the processor time of reading a PDF.
_KEPT_BYTES = 16 * 1024 * 1024

R = TypeVar("R")
Ts = TypeVarTuple("Ts")


class WorkerCrashed(Exception):
    """The process that ran the function died before it answered."""

    def __init__(self, returncode: int) -> None:
        super().__init__(f"the process ended with {_describe(returncode)}")
        #: As of ``subprocess``: negative for the number of a signal.
        self.returncode = returncode


class ProcessPool:
    """At most ``size`` processes that run one function after another.

    Each has its own session (a Ctrl-C for us is none for it), ends with its parent, sees no
    environment of ours, and may allocate ``memory_bytes`` (its function gets ``MemoryError`` or it
    dies). Processes start when they are first needed, or all at once by ``async with``.
    """

    def __init__(self, size: int, *, memory_bytes: int | None = None) -> None:
        self._memory_bytes = memory_bytes
        self._all: set[Process] = set()
        #: A stack of free places; a place without a process gets one when it is taken.
        self._places: asyncio.LifoQueue[Process | None] = asyncio.LifoQueue()
        for _ in range(size):
            self._places.put_nowait(None)

    async def __aenter__(self) -> Self:
        free = [self._places.get_nowait() for _ in range(self._places.qsize())]
        for process in free:
            self._places.put_nowait(await self._start() if process is None else process)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def run(
        self,
        function: Callable[[*Ts], R],
        *args: *Ts,
        timeout: float,  # noqa: ASYNC109  # the process must be killed, not only left
    ) -> R:
        """Return ``function(*args)``, or raise what it raises; both must be picklable.

        ``function`` is found by its module and name. Raises ``TimeoutError`` after ``timeout``
        seconds (waiting for a free process does not count) and ``WorkerCrashed`` when the process
        dies. After either, and when the caller is cancelled, the process is gone and its place
        is free.
        """
        request = pickle.dumps((function, args), protocol=pickle.HIGHEST_PROTOCOL)
        process = await self._places.get()
        reusable = False
        try:
            if process is None or process.returncode is not None:
                process = await self._start()
            async with asyncio.timeout(timeout):
                reply = await _ask(process, request)
            succeeded, value = pickle.loads(reply)  # noqa: S301  # written by our own process
            # After a MemoryError little memory may be left for the next function.
            reusable = succeeded or not isinstance(value, MemoryError)
        finally:
            self._places.put_nowait(process if reusable else None)
            if process is not None and not reusable:
                await self._kill(process)
        if succeeded:
            return value  # type: ignore[no-any-return]  # what the function returned
        raise value

    async def close(self) -> None:
        """End every process; what still runs raises ``WorkerCrashed``."""
        await asyncio.gather(*(self._kill(process) for process in tuple(self._all)))

    async def _start(self) -> Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "runtime.process_worker",
            str(self._memory_bytes or 0),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            start_new_session=True,
            env={
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                "PATH": os.defpath,
                "MALLOC_TOP_PAD_": str(_KEPT_BYTES),
            },
        )
        self._all.add(process)
        return process

    async def _kill(self, process: Process) -> None:
        self._all.discard(process)
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _ask(process: Process, request: bytes) -> bytes:
    if process.stdin is None or process.stdout is None:
        raise ValueError("the process was started without pipes")
    try:
        process.stdin.write(FRAME_HEADER.pack(len(request)) + request)
        await process.stdin.drain()
        header = await process.stdout.readexactly(FRAME_HEADER.size)
        return await process.stdout.readexactly(FRAME_HEADER.unpack(header)[0])
    except (asyncio.IncompleteReadError, ConnectionError):
        raise WorkerCrashed(await process.wait()) from None


def _describe(returncode: int) -> str:
    if returncode >= 0:
        return f"exit status {returncode}"
    try:
        return signal.Signals(-returncode).name
    except ValueError:
        return f"signal {-returncode}"
