"""A provider that is down holds everything; one bad record does not."""

import asyncio

import pytest

from contracts.errors import ProviderBusy, ProviderUnavailable, StoreUnavailable
from runtime.delivery.breaker import IN_A_ROW, Breaker

pytestmark = pytest.mark.asyncio


async def test_failures_of_different_records_in_a_row_open_it() -> None:
    breaker = Breaker()
    held = [
        breaker.failed(ProviderUnavailable(), str(number).encode()) for number in range(IN_A_ROW)
    ]
    assert held == [False] * (IN_A_ROW - 1) + [True]
    assert breaker.is_stopped


async def test_one_record_alone_does_not_open_it() -> None:
    breaker = Breaker()
    for _ in range(50):
        assert not breaker.failed(ProviderBusy(), b"one")


async def test_what_is_not_the_providers_fault_does_not_count() -> None:
    breaker = Breaker()
    for number in range(50):
        assert not breaker.failed(StoreUnavailable(), str(number).encode())


async def test_the_first_answer_closes_it_for_all_who_wait() -> None:
    breaker = Breaker(probe_seconds=3600)
    for number in range(IN_A_ROW):
        breaker.failed(ProviderUnavailable(), str(number).encode())
    waiting = [asyncio.create_task(breaker.admit()) for _ in range(10)]
    await asyncio.sleep(0.05)
    assert not any(task.done() for task in waiting)
    breaker.answered()
    await asyncio.gather(*waiting)
