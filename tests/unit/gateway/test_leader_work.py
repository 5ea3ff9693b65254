import asyncio

import pytest

from gateway import leader
from gateway.leader import _kept_up

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize("error", [asyncio.CancelledError, ValueError])
async def test_no_failure_ends_a_work(
    error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leader, "BROKE_SECONDS", 0)
    again = asyncio.Event()
    tries = 0

    async def work() -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise error
        again.set()

    task = asyncio.create_task(_kept_up("work", work, 0))
    async with asyncio.timeout(5):
        await again.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
