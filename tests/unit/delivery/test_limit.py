"""A bad release stops; one bad document does not stop anything."""

import asyncio

import pytest

from runtime.clock import SystemClock
from runtime.delivery.limit import IN_A_ROW, ReleaseLimit

pytestmark = pytest.mark.asyncio


def _broken(limit: ReleaseLimit) -> ReleaseLimit:
    for number in range(IN_A_ROW):
        limit.failed(str(number % 5).encode())
    return limit


async def test_errors_of_many_keys_in_a_row_stop_the_work_and_say_how_it_goes_on() -> None:
    limit = _broken(ReleaseLimit(SystemClock()))
    assert limit.problem is not None
    assert "goes on by itself" in limit.problem


async def test_one_key_alone_stops_nothing() -> None:
    limit = ReleaseLimit(SystemClock())
    for _ in range(100):
        limit.failed(b"one")
    assert limit.problem is None
    await limit.admit()


async def test_a_few_errors_among_many_good_tries_stop_nothing() -> None:
    limit = ReleaseLimit(SystemClock())
    for number in range(200):
        limit.ended()
        if number % 4 == 0:
            limit.failed(str(number).encode())
    assert limit.problem is None


async def test_a_large_share_of_errors_stops_the_work() -> None:
    limit = ReleaseLimit(SystemClock())
    for number in range(10):
        limit.ended()
        limit.failed(str(number).encode())
    assert limit.problem is not None


async def test_one_try_at_a_time_is_let_through_as_a_probe() -> None:
    limit = _broken(ReleaseLimit(SystemClock(), probe_seconds=0.05))
    admitted: list[int] = []

    async def work(number: int) -> None:
        await limit.admit()
        admitted.append(number)

    tasks = [asyncio.create_task(work(number)) for number in range(10)]
    await asyncio.sleep(0.12)
    assert 1 <= len(admitted) <= 3
    limit.ended()  # the probe went well
    await asyncio.gather(*tasks)
    assert limit.problem is None
