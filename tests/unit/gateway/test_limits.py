"""Limits count a minute's requests, and never stand in the way by failing."""

import socket
from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

from gateway.limits import Limits
from gateway.refusals import RateLimited
from gateway.window import SWEEP_AT, MemoryWindows
from runtime.clock import SystemClock
from runtime.settings import load_settings


class MovedClock(SystemClock):
    """The machine's clock, moved."""

    def __init__(self) -> None:
        self.by = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.by)

    def monotonic(self) -> float:
        return super().monotonic() + self.by


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


def limits(clock: MovedClock, per_minute: int = 3) -> Limits:
    return Limits({"user": per_minute, "address": 9, "login": 2}, clock=clock)


@pytest.mark.asyncio
async def test_allows_as_many_as_the_limit_and_says_what_is_left(clock: MovedClock) -> None:
    counted = limits(clock)
    assert [(await counted.hit("user", "ada")).remaining for _ in range(3)] == [2, 1, 0]
    with pytest.raises(RateLimited) as refused:
        await counted.hit("user", "ada")
    assert 58 <= refused.value.retry_after <= 60


@pytest.mark.asyncio
async def test_each_identity_and_limit_is_counted_by_itself(clock: MovedClock) -> None:
    counted = limits(clock, per_minute=1)
    await counted.hit("user", "ada")
    await counted.hit("user", "bob")
    await counted.hit("address", "ada")
    with pytest.raises(RateLimited):
        await counted.hit("user", "ada")


@pytest.mark.asyncio
async def test_a_new_minute_begins_at_zero(clock: MovedClock) -> None:
    counted = limits(clock, per_minute=1)
    await counted.hit("user", "ada")
    clock.by = 61
    assert (await counted.hit("user", "ada")).remaining == 0


@pytest.mark.asyncio
async def test_counts_alone_while_redis_is_away(clock: MovedClock) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # and nobody listens
        port = held.getsockname()[1]
        settings = load_settings(redis_url=f"redis://127.0.0.1:{port}", user_requests_per_minute=2)
        counted = Limits.of(settings, clock)
        with capture_logs() as logged:
            await counted.hit("user", "ada")
            await counted.hit("user", "ada")
            with pytest.raises(RateLimited):
                await counted.hit("user", "ada")
    assert [entry["event"] for entry in logged] == ["rate_limits_counted_alone"]


def test_memory_does_not_grow_with_the_callers_of_the_past(clock: MovedClock) -> None:
    windows = MemoryWindows(clock=clock)
    for number in range(SWEEP_AT):
        windows.count(str(number), 60)
    assert len(windows) == SWEEP_AT
    clock.by = 61
    windows.count("new", 60)
    assert len(windows) == 1
