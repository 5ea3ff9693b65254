"""Records of one key in order, different keys in parallel, up to a bound."""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Coroutine, Iterable
from functools import partial
from typing import Any, Protocol

from aiokafka import ConsumerRecord, TopicPartition

LaneKey = tuple[str, int, bytes | int]


class Admits(Protocol):
    """Who decides what may begin; asked again whenever another record has ended."""

    def __call__(self, record: ConsumerRecord, /, *, is_alone: bool) -> bool:
        """Tell whether the record may begin now; ``is_alone`` where no other is in work."""
        ...


class Lanes:
    """Runs offered records; ``run`` must not raise, and taking a record never waits."""

    def __init__(
        self,
        run: Callable[[ConsumerRecord], Coroutine[Any, Any, None]],
        *,
        concurrency: int,
        admits: Admits,
    ) -> None:
        self._run = run
        self._admits = admits
        self._concurrency = concurrency
        self._lanes: dict[LaneKey, deque[ConsumerRecord]] = {}
        self._ready: deque[LaneKey] = deque()
        self._running: dict[LaneKey, asyncio.Task[None]] = {}

    def offer(self, record: ConsumerRecord) -> None:
        """Queue the record behind those of its key and start what may run."""
        key = _lane_of(record)
        lane = self._lanes.get(key)
        if lane is None:
            self._lanes[key] = deque([record])
            self._ready.append(key)
        else:
            lane.append(record)
        self._dispatch()

    def forget(self, partitions: Iterable[TopicPartition]) -> None:
        """Drop what has not begun; what has goes on."""
        self._forget_waiting({(partition.topic, partition.partition) for partition in partitions})

    async def drain(
        self,
        partitions: Iterable[TopicPartition],
        *,
        seconds: float,
        idle: Collection[asyncio.Task[Any]] = (),
    ) -> bool:
        """Forget what has not begun and wait for what has; False when time ran out.

        What is ``idle`` only waits for another try and is cancelled at once, as is what did not
        end in time: it would go on beside its next owner.
        """
        chosen = {(partition.topic, partition.partition) for partition in partitions}
        self._forget_waiting(chosen)
        tasks = [task for key, task in self._running.items() if key[:2] in chosen]
        if not tasks:
            return True
        for task in tasks:
            if task in idle:
                task.cancel()
        _, late = await asyncio.wait(tasks, timeout=seconds)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=seconds)
        return not late

    def _forget_waiting(self, chosen: set[tuple[str, int]]) -> None:
        for key in [key for key in self._lanes if key[:2] in chosen]:
            if key in self._running:
                first = self._lanes[key][0]
                self._lanes[key] = deque([first])
            else:
                del self._lanes[key]
        self._ready = deque(key for key in self._ready if key in self._lanes)

    def _dispatch(self) -> None:
        while len(self._running) < self._concurrency:
            key = self._next()
            if key is None:
                return
            task = asyncio.create_task(self._run(self._lanes[key][0]))
            self._running[key] = task
            task.add_done_callback(partial(self._ended, key))

    def _next(self) -> LaneKey | None:
        """Take the lane that was ready first among those whose record may begin."""
        for key in self._ready:
            if self._admits(self._lanes[key][0], is_alone=not self._running):
                self._ready.remove(key)
                return key
        return None

    def _ended(self, key: LaneKey, _: asyncio.Task[None]) -> None:
        del self._running[key]
        lane = self._lanes[key]
        lane.popleft()
        if lane:
            self._ready.append(key)
        else:
            del self._lanes[key]
        self._dispatch()


def _lane_of(record: ConsumerRecord) -> LaneKey:
    """Return the lane of the record's key; a record without a key has a lane of its own."""
    key = record.offset if record.key is None else record.key
    return record.topic, record.partition, key
