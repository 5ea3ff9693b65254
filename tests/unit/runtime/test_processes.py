import asyncio
import math
import os
import select
import signal
import sys
import time

import psutil
import pytest

from runtime.processes import ProcessPool, WorkerCrashed

MIB = 1024 * 1024


@pytest.mark.asyncio
async def test_returns_what_the_function_returns():
    async with ProcessPool(1) as pool:
        assert await pool.run(math.gcd, 12, 18, timeout=20) == 6
        assert await pool.run(os.getpid, timeout=20) != os.getpid()


@pytest.mark.asyncio
async def test_raises_what_the_function_raises_and_keeps_the_process():
    async with ProcessPool(1) as pool:
        before = await pool.run(os.getpid, timeout=20)
        with pytest.raises(ValueError, match="math domain"):
            await pool.run(math.sqrt, -1.0, timeout=20)
        assert await pool.run(os.getpid, timeout=20) == before


@pytest.mark.asyncio
async def test_kills_what_takes_too_long():
    async with ProcessPool(1) as pool:
        slow = await pool.run(os.getpid, timeout=20)
        with pytest.raises(TimeoutError):
            await pool.run(select.select, [], [], [], 60.0, timeout=0.2)
        assert not psutil.pid_exists(slow)
        assert await pool.run(os.getpid, timeout=20) != slow


@pytest.mark.asyncio
async def test_kills_what_the_caller_no_longer_wants():
    async with ProcessPool(1) as pool:
        unwanted = await pool.run(os.getpid, timeout=20)
        task = asyncio.create_task(pool.run(select.select, [], [], [], 60.0, timeout=60))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not psutil.pid_exists(unwanted)
        assert await pool.run(math.gcd, 4, 6, timeout=20) == 2


@pytest.mark.asyncio
async def test_survives_a_process_that_crashes():
    async with ProcessPool(1) as pool:
        with pytest.raises(WorkerCrashed, match="SIGABRT"):
            await pool.run(os.abort, timeout=20)
        with pytest.raises(WorkerCrashed, match="exit status 3"):
            await pool.run(os._exit, 3, timeout=20)
        assert await pool.run(math.gcd, 4, 6, timeout=20) == 2


@pytest.mark.asyncio
async def test_replaces_a_process_that_died_while_idle():
    async with ProcessPool(1) as pool:
        idle = psutil.Process(await pool.run(os.getpid, timeout=20))
        idle.kill()
        await _gone(idle.pid)
        assert await pool.run(math.gcd, 4, 6, timeout=20) == 2


@pytest.mark.asyncio
async def test_limits_memory():
    async with ProcessPool(1, memory_bytes=64 * MIB) as pool:
        assert len(await pool.run(bytes, 16 * MIB, timeout=20)) == 16 * MIB
        with pytest.raises(MemoryError):
            await pool.run(bytes, 128 * MIB, timeout=20)
        assert await pool.run(math.gcd, 4, 6, timeout=20) == 2


@pytest.mark.asyncio
async def test_runs_as_many_at_once_as_it_has_processes():
    async with ProcessPool(2) as pool:
        pids = {await pool.run(os.getpid, timeout=20) for _ in range(3)}
        assert len(pids) == 1
        naps = [pool.run(select.select, [], [], [], 0.3, timeout=20) for _ in range(2)]
        started = time.monotonic()
        await asyncio.gather(*naps)
        assert len(_children()) == 2
        assert time.monotonic() - started < 20


@pytest.mark.asyncio
async def test_what_a_function_prints_does_not_disturb_the_answer():
    async with ProcessPool(1) as pool:
        assert await pool.run(os.write, 1, b"noise", timeout=20) == len("noise")
        assert await pool.run(os.system, "echo noise", timeout=20) == 0


@pytest.mark.asyncio
async def test_hides_the_environment_from_its_processes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-parent")
    async with ProcessPool(1) as pool:
        assert await pool.run(os.getenv, "OPENAI_API_KEY", timeout=20) is None


@pytest.mark.asyncio
async def test_leaves_no_process_behind():
    async with ProcessPool(2) as pool:
        await pool.run(math.gcd, 4, 6, timeout=20)
        assert len(_children()) == 2
    assert _children() == []


@pytest.mark.asyncio
async def test_a_busy_process_ends_with_a_parent_that_is_killed():
    parent = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import asyncio, os, time\n"
        "from runtime.processes import ProcessPool\n"
        "async def main():\n"
        "    pool = ProcessPool(1)\n"
        "    print(await pool.run(os.getpid, timeout=20), flush=True)\n"
        "    await pool.run(select.select, [], [], [], 60.0, timeout=60)\n"
        "asyncio.run(main())\n",
        stdout=asyncio.subprocess.PIPE,
    )
    assert parent.stdout is not None
    child = int(await parent.stdout.readline())
    assert psutil.pid_exists(child)
    parent.send_signal(signal.SIGKILL)
    await parent.wait()
    await _gone(child)


async def _gone(pid: int) -> None:
    def runs() -> bool:
        return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE

    async with asyncio.timeout(10):
        while runs():  # noqa: ASYNC110  # nothing tells us when it is gone
            await asyncio.sleep(0.01)


def _children() -> list[psutil.Process]:
    found = psutil.Process().children()
    return [process for process in found if "runtime.process_worker" in process.cmdline()]
