"""Doing several things at once, a few at a time, so that none is left behind."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


async def together(works: Sequence[Callable[[], Awaitable[T]]], *, most: int) -> list[T]:
    """Return the results in the order of the works, of which at most ``most`` run at once.

    When one fails the others are cancelled, and its error is raised.
    """
    room = asyncio.Semaphore(most)

    async def one(work: Callable[[], Awaitable[T]]) -> T:
        async with room:
            return await work()

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(work)) for work in works]
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in tasks]
