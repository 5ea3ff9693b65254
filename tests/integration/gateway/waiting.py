"""Waiting in tests for what nobody announces."""

import asyncio
from collections.abc import Awaitable, Callable
from inspect import isawaitable


async def until(holds: Callable[[], bool | Awaitable[bool]], seconds: float = 15) -> None:
    """Return as soon as something holds; ``TimeoutError`` when it does not in time."""
    async with asyncio.timeout(seconds):
        while not await _value(holds()):  # noqa: ASYNC110 - nothing sets an event
            await asyncio.sleep(0.02)


async def _value(found: Awaitable[bool] | bool) -> bool:  # noqa: FBT001 - what was found
    return await found if isawaitable(found) else bool(found)
