"""This process's ear on `chat.deltas`: one reader for all of its open answers."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from weakref import WeakSet
from zlib import crc32

import structlog

from contracts.errors import BrokerUnavailable, RaglineError
from contracts.ids import TenantId, TurnId
from contracts.topics import CHAT_DELTAS
from gateway.conversations.following import Following
from gateway.conversations.replays import Replays, delta_in
from runtime.clock import Clock, SystemClock
from runtime.kafka import KafkaConnection, TailReader
from store import Store
from store.turns import Turn

log = structlog.get_logger(__name__)

#: A start does not wait longer than this for Kafka; until it is there, answers come from rows.
START_SECONDS = 10.0
#: Between two tries to read.
RETRY_SECONDS = 1.0
#: A turn that nothing is heard of for this long is looked up, with all such turns at once.
SILENCE_SECONDS = 2.0
WATCH_SECONDS = 0.5

_ENDED = frozenset({"done", "failed", "cancelled"})


class DeltaHub:
    """Hands each delta of this instance's partition to whoever follows its turn.

    It lives with Kafka or the database being away: what is not heard is looked up.
    """

    def __init__(
        self,
        store: Store,
        connection: KafkaConnection,
        partitions: int,
        instance_id: str,
        *,
        clock: Clock | None = None,
    ) -> None:
        self._store = store
        self._connection = connection
        self._clock = clock or SystemClock()
        #: The partition that answers to this instance's questions are sent to.
        self.partition = crc32(instance_id.encode()) % partitions
        # Weak: a request that ends before its stream begins leaves nothing behind.
        self._live: dict[TurnId, WeakSet[Following]] = {}
        self._watched: WeakSet[Following] = WeakSet()
        self._replays = Replays(store, connection, self._clock)
        self._positioned = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Read from the partition's end; returns when the position is known, or Kafka is away."""
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._watch())]
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._positioned.wait()
        except TimeoutError:
            log.warning("deltas_not_read_yet", partition=self.partition)

    async def stop(self) -> None:
        """Stop reading."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    def follow(self, turn_id: TurnId) -> Following:
        """Return the deltas of a turn from now on; call it before the question is stored."""
        following = self._new(turn_id)
        self._live.setdefault(turn_id, WeakSet()).add(following)
        return following

    @asynccontextmanager
    async def replay(self, turn: Turn, tenant_id: TenantId) -> AsyncGenerator[Following]:
        """Yield the deltas of a turn from its first one, whichever instance they were sent to.

        Where Kafka is away, or too many are read again already, only the turn's end is told.
        """
        following = self._new(turn.turn_id)
        async with self._replays.reading(turn, tenant_id, following):
            yield following

    def _new(self, turn_id: TurnId) -> Following:
        following = Following(turn_id, now=self._clock.monotonic())
        self._watched.add(following)
        return following

    async def _read(self) -> None:
        """Read for ever; after a failure go on where it stopped."""
        offset: int | None = None
        while True:
            try:
                async with TailReader(
                    self._connection, CHAT_DELTAS.name, self.partition, offset=offset
                ) as reader:
                    self._positioned.set()
                    async for record in reader:
                        offset = record.offset + 1
                        self._dispatch(record.value)
            except BrokerUnavailable as error:
                log.warning("deltas_not_read", partition=self.partition, reason=error.message)
            except Exception:
                log.exception("deltas_reader_broke", partition=self.partition)
            await asyncio.sleep(RETRY_SECONDS)

    def _dispatch(self, value: bytes | None) -> None:
        delta = delta_in(value)
        if delta is None:
            return
        now = self._clock.monotonic()
        for following in self._live.get(delta.turn_id, ()):
            following.offer(delta, now=now)

    async def _watch(self) -> None:
        """Look up the turns that nothing was heard of; tell their followers of those that ended."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            self._live = {turn_id: live for turn_id, live in self._live.items() if len(live)}
            try:
                await self._look_up_silent()
            except RaglineError as error:
                log.warning("turns_not_watched", code=error.code)
            except Exception:
                log.exception("turn_watch_broke")

    async def _look_up_silent(self) -> None:
        since = self._clock.monotonic() - SILENCE_SECONDS
        silent = [following for following in self._watched if following.heard_at < since]
        if not silent:
            return
        async with self._store.system() as tx:
            states = await tx.watch.turns({following.turn_id for following in silent})
        for following in silent:
            state, _ = states.get(following.turn_id, ("cancelled", 0))
            if state in _ENDED:
                following.look()
