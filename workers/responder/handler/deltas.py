"""Telling the gateway how an answer comes along, without ever waiting for it."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Self

import structlog

from contracts.conversations import (
    AnswerStarted,
    Citation,
    CitationFound,
    Delta,
    Heartbeat,
    QuestionAsked,
    Source,
    SourcesFound,
    Step,
    StepTaken,
    TokensGenerated,
)
from contracts.envelope import Outgoing
from contracts.errors import RaglineError
from contracts.ids import event_id
from contracts.topics import CHAT_DELTAS
from runtime.kafka import Publisher
from store.turns import Unfinished

log = structlog.get_logger(__name__)

#: Tokens that come within this many seconds of the last delta travel in one.
COALESCED_SECONDS = 0.03
#: Silence longer than this is told from death by a heartbeat.
HEARTBEAT_SECONDS = 5.0
#: Longest text of one delta: escaped, it stays far under the limit of an event.
MAX_DELTA_CHARACTERS = 8_000
#: The answer is stored; nobody waits longer than this for its announcement.
END_SECONDS = 5.0

#: A delta that only lacks its place: (turn_id, attempt, sequence).
Unplaced = Callable[..., Delta]


class DeltaWriter:
    """Sends the steps of one turn's answer, in order, from a task of its own.

    What cannot be sent is left out: the reader sees the gap and turns to the row.
    """

    def __init__(
        self,
        publisher: Publisher,
        asked: QuestionAsked,
        *,
        begin: Callable[[], Awaitable[int]],
        placed: Callable[[int, int], Awaitable[None]],
    ) -> None:
        """``begin`` starts another attempt; ``placed`` is told the offset of each one's first."""
        self._publisher = publisher
        self._asked = asked
        self._begin = begin
        self._placed = placed
        self._attempt = 0
        self._sequence = 0
        self._waiting: deque[Unplaced | str] = deque()
        self._said: list[str] = []
        self._steps: list[Step] = []
        self._sources: Sequence[Source] = ()
        self._citations: list[Citation] = []
        self._wake = asyncio.Event()
        self._ending = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Start sending."""
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop sending, whatever is left."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    @property
    def so_far(self) -> Unfinished:
        """What came of the answer in this attempt."""
        return Unfinished(
            text="".join(self._said),
            sources=self._sources,
            citations=tuple(self._citations),
            steps=tuple(self._steps),
        )

    def start(self, attempt: int) -> None:
        """An attempt begins; whatever was said before does not count."""
        self._attempt, self._sequence = attempt, 0
        self._said, self._steps, self._sources, self._citations = [], [], (), []
        self._waiting.clear()
        self._tell(AnswerStarted)

    def step(self, step: Step) -> None:
        """An agent did something."""
        self._steps.append(step)
        self._tell(partial(StepTaken, step=step))

    def sources(self, sources: Sequence[Source]) -> None:
        """Retrieval is done."""
        self._sources = tuple(sources)
        self._tell(partial(SourcesFound, sources=self._sources))

    def token(self, text: str) -> None:
        """The answer goes on with ``text``."""
        self._said.append(text)
        for at in range(0, len(text), MAX_DELTA_CHARACTERS):
            self._tell(text[at : at + MAX_DELTA_CHARACTERS])

    def citation(self, citation: Citation) -> None:
        """The answer so far cites this."""
        self._citations.append(citation)
        self._tell(partial(CitationFound, citation=citation))

    async def restart(self) -> None:
        """Begin another attempt."""
        self.start(await self._begin())

    async def end(self, step: Unplaced) -> None:
        """Send what is left and ``step`` as the last, within bounded time."""
        self._tell(step)
        self._ending.set()
        if self._task is not None:
            _, late = await asyncio.wait({self._task}, timeout=END_SECONDS)
            if late:
                log.warning("deltas_left_behind", turn_id=str(self._asked.turn_id))

    def _tell(self, step: Unplaced | str) -> None:
        self._waiting.append(step)
        self._wake.set()

    async def _run(self) -> None:
        while not (self._ending.is_set() and not self._waiting):
            if not await _within(HEARTBEAT_SECONDS, self._wake):
                await self._send(Heartbeat)
            while self._waiting:
                is_text = isinstance(self._waiting[0], str)
                await self._send(self._next())
                if is_text:
                    await _within(COALESCED_SECONDS, self._ending)
            self._wake.clear()

    def _next(self) -> Unplaced:
        """Take the next step; texts that follow each other make one."""
        step = self._waiting.popleft()
        if not isinstance(step, str):
            return step
        texts, room = [step], MAX_DELTA_CHARACTERS - len(step)
        while self._waiting and isinstance(more := self._waiting[0], str) and len(more) <= room:
            texts.append(more)
            room -= len(more)
            self._waiting.popleft()
        return partial(TokensGenerated, text="".join(texts))

    async def _send(self, step: Unplaced) -> None:
        attempt, sequence = self._attempt, self._sequence
        self._sequence += 1
        turn_id = self._asked.turn_id
        outgoing = Outgoing(
            topic=CHAT_DELTAS,
            key=str(turn_id),
            tenant_id=self._asked.tenant_id,
            event=step(turn_id=turn_id, attempt=attempt, sequence=sequence),
            event_id=event_id("delta", turn_id, attempt, sequence),
            partition=self._asked.reply_partition,
        )
        try:
            placed = await self._publisher.publish(outgoing)
            if sequence == 0:
                await self._placed(attempt, placed.offset)
        except RaglineError as error:
            log.warning("delta_not_sent", turn_id=str(turn_id), code=error.code)


async def _within(seconds: float, event: asyncio.Event) -> bool:
    """Wait for the event, at most so long; return whether it was set."""
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False
