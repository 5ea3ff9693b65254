"""When requests may start."""

import asyncio

import pytest

from contracts.errors import ProviderBusy
from providers.pacing import Pacer
from providers.rate_limits import Quota

pytestmark = pytest.mark.asyncio


class Clock:
    """Stands still unless a test moves it."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pacer(clock: Clock) -> Pacer:
    """A pacer that never waits: what would be a wait is told."""
    return Pacer("The provider", patience=0, clock=clock)


async def wait_of(pacer: Pacer, tokens: int = 0) -> float:
    try:
        await pacer.turn(tokens)
    except ProviderBusy as busy:
        return busy.retry_after or 0.0
    return 0.0


async def test_nothing_waits_while_nothing_is_known(pacer: Pacer) -> None:
    assert [await wait_of(pacer, 10_000_000) for _ in range(50)] == [0.0] * 50


async def test_a_pause_ends_by_itself_and_is_never_shortened(pacer: Pacer, clock: Clock) -> None:
    pacer.pause(10)
    pacer.pause(2)
    assert await wait_of(pacer) == 10
    clock.seconds += 9
    assert await wait_of(pacer) == 1
    clock.seconds += 1
    assert await wait_of(pacer) == 0


async def test_pauses_that_are_not_stated_grow_until_an_answer_is_good(
    pacer: Pacer, clock: Clock
) -> None:
    waits: list[float] = []
    for _ in range(8):
        pacer.pause(None)
        waits.append(await wait_of(pacer))
        clock.seconds += waits[-1]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    pacer.learn({})
    pacer.pause(None)
    assert await wait_of(pacer) == 1


async def test_requests_take_from_what_is_left_and_it_fills_up_again(
    pacer: Pacer, clock: Clock
) -> None:
    pacer.learn({"tokens": Quota(limit=600, remaining=0, reset=60)})
    assert await wait_of(pacer, 100) == pytest.approx(10)
    clock.seconds += 10
    assert await wait_of(pacer, 60) == 0
    assert await wait_of(pacer, 100) == pytest.approx(6)
    clock.seconds += 1_000
    assert await wait_of(pacer, 600) == 0


async def test_a_request_that_is_larger_than_the_limit_starts_when_all_is_there(
    pacer: Pacer, clock: Clock
) -> None:
    pacer.learn({"tokens": Quota(limit=600, remaining=300, reset=30)})
    assert await wait_of(pacer, 10_000) == pytest.approx(30)
    clock.seconds += 30
    assert await wait_of(pacer, 10_000) == 0


async def test_each_request_counts_as_one(pacer: Pacer, clock: Clock) -> None:
    pacer.learn({"requests": Quota(limit=60, remaining=2, reset=58)})
    assert [await wait_of(pacer) for _ in range(3)] == [0, 0, pytest.approx(1)]
    clock.seconds += 1
    assert [await wait_of(pacer) for _ in range(2)] == [0, pytest.approx(1)]


async def test_a_full_limit_holds_nobody_back(pacer: Pacer) -> None:
    pacer.learn({"tokens": Quota(limit=1_000, remaining=1_000, reset=0)})
    assert await wait_of(pacer, 1_000) == 0


async def test_short_waits_are_waited_in_turn() -> None:
    pacer = Pacer("The provider", patience=5)
    pacer.pause(0.05)
    order: list[int] = []

    async def start(number: int) -> None:
        await pacer.turn()
        order.append(number)

    loop = asyncio.get_running_loop()
    began = loop.time()
    await asyncio.gather(*map(start, range(5)))
    assert order == [0, 1, 2, 3, 4]
    assert loop.time() - began >= 0.05


async def test_a_wait_that_is_cancelled_blocks_nobody() -> None:
    pacer = Pacer("The provider", patience=5)
    pacer.pause(0.05)
    waiting = asyncio.create_task(pacer.turn())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait_for(pacer.turn(), timeout=1)
    assert waiting.cancelled()
