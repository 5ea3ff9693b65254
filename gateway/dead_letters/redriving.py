"""Trying again what was given up: the record goes to its group's shortest retry topic.

Never to its origin: a compacted topic must not get an old version of a key again, and only this
group is to read it.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog

from contracts.conversations import TurnEvent
from contracts.delivery_headers import redriven_headers
from contracts.documents import DocumentEvent
from contracts.errors import Rejected
from contracts.topics import STAGES, retry_topics
from gateway.dead_letters.records import event_of
from gateway.refusals import (
    DeadLetterObsolete,
    DeadLetterSettled,
    NotFound,
    RedrivenTooOften,
)
from runtime.clock import Clock
from runtime.kafka import Publisher
from store import Store, Transaction
from store.dead_letters import Chosen, DeadLetter

log = structlog.get_logger(__name__)

#: What failed so often will hardly succeed without a change.
MOST_REDRIVES = 3
#: One request redrives no longer than this; its caller asks for the rest.
REQUEST_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """Why one of many was not redriven."""

    dead_letter_id: UUID
    error: Rejected


@dataclass(frozen=True, kw_only=True, slots=True)
class Redriven:
    """What became of a request to redrive several."""

    redriven: Sequence[UUID]
    refused: Sequence[Refusal]
    #: The last one that was looked at; what follows it was not.
    last_id: UUID | None
    has_more: bool


class Redriver:
    """Publishes dead letters again, and lets their jobs run again."""

    def __init__(self, *, store: Store, publisher: Publisher, clock: Clock) -> None:
        self._store = store
        self._publisher = publisher
        self._clock = clock

    async def redrive(self, dead_letter_id: UUID, *, force: bool) -> None:
        """Redrive one.

        Raises ``NotFound``; ``DeadLetterSettled`` and ``RedrivenTooOften``, which ``force``
        overrules; ``DeadLetterObsolete``; ``BrokerUnavailable``.
        """
        await self._redrive(await find(self._store, dead_letter_id), force=force)

    async def redrive_chosen(
        self, chosen: Chosen, *, limit: int, after: UUID | None, per_second: float, force: bool
    ) -> Redriven:
        """Redrive at most ``limit`` of those that wait, the oldest first and not all at once."""
        async with self._store.system() as tx:
            letters = await tx.dead_letters.oldest(chosen, limit=limit + 1, after=after)
        redriven: list[UUID] = []
        refused: list[Refusal] = []
        end = self._clock.monotonic() + REQUEST_SECONDS
        looked_at = 0
        for letter in letters[:limit]:
            if looked_at and self._clock.monotonic() >= end:
                break
            looked_at += 1
            try:
                await self._redrive(letter, force=force)
            except Rejected as error:
                refused.append(Refusal(dead_letter_id=letter.dead_letter_id, error=error))
            else:
                redriven.append(letter.dead_letter_id)
                await asyncio.sleep(1 / per_second)
        return Redriven(
            redriven=redriven,
            refused=refused,
            last_id=letters[looked_at - 1].dead_letter_id if looked_at else after,
            has_more=len(letters) > looked_at,
        )

    async def discard(self, dead_letter_id: UUID) -> None:
        """Give one up for good; ``NotFound``, or ``DeadLetterSettled`` when it does not wait."""
        letter = await find(self._store, dead_letter_id)
        async with self._store.system() as tx:
            done = await tx.dead_letters.settle(dead_letter_id, was="waiting", state="discarded")
        if not done:
            raise DeadLetterSettled(f"This dead letter was {letter.state} already.")
        log.info("dead_letter_discarded", dead_letter_id=str(dead_letter_id))

    async def _redrive(self, letter: DeadLetter, *, force: bool) -> None:
        if not force:
            _refuse_repetition(letter)
        # Before the job runs again: without Kafka it would run for nothing.
        await self._publisher.check()
        left_behind = await self._reopen(letter)
        await self._publisher.publish_raw(
            topic=next(iter(retry_topics(letter.consumer_group))),
            key=letter.key,
            value=letter.value,
            headers=redriven_headers(letter.headers, redrives=letter.redrives + 1),
        )
        async with self._store.system() as tx:
            await tx.dead_letters.settle(letter.dead_letter_id, was=letter.state, state="redriven")
        if left_behind:  # those may have been redriven meanwhile, which looked at this one
            left_behind = await self._reopen(letter)
        log.info(
            "dead_letter_redriven",
            dead_letter_id=str(letter.dead_letter_id),
            group=letter.consumer_group,
            redrives=letter.redrives + 1,
            left_behind=left_behind,
        )

    async def _reopen(self, letter: DeadLetter) -> int:
        """Let the job run again, before its record comes, unless other records of it are left.

        Returns how many are: the job cannot end well without them, and stays failed until they are
        redriven, too. Raises ``DeadLetterObsolete`` if the job or the question is over.
        """
        match event_of(letter.consumer_group, letter.value):
            case DocumentEvent() as event:
                return await self._reopen_job(event, letter)
            case TurnEvent() as event:
                async with self._store.system() as system:
                    turns = await system.watch.turns([event.turn_id])
                state, _ = turns.get(event.turn_id, ("deleted", 0))
                if state not in {"waiting", "answering"}:
                    raise DeadLetterObsolete("Its question has ended already; ask it again.")
            case None:
                pass  # nobody can tell whose it is; the worker's version may
        return 0

    async def _reopen_job(self, event: DocumentEvent, letter: DeadLetter) -> int:
        async with self._store.system() as system:
            left_behind = await system.dead_letters.left_behind(letter.dead_letter_id)
        async with self._store.tenant(event.tenant_id) as tx:
            if not await tx.documents.lock_current(event.document_id, event.version):
                raise DeadLetterObsolete
            if not left_behind and await _is_of_the_job(tx, letter):
                await tx.jobs.reopen(event.job_id, STAGES[letter.consumer_group])
        return left_behind


async def _is_of_the_job(tx: Transaction, letter: DeadLetter) -> bool:
    """Say whether the job failed with this letter: for another generation no job fails."""
    active = await tx.generations.active()
    return active is None or letter.generation in {None, 0, active.generation_id}


async def find(store: Store, dead_letter_id: UUID) -> DeadLetter:
    """Return a dead letter, or raise ``NotFound``."""
    async with store.system() as tx:
        letter = await tx.dead_letters.get(dead_letter_id)
    if letter is None:
        raise NotFound("There is no such dead letter.")
    return letter


def _refuse_repetition(letter: DeadLetter) -> None:
    if letter.state != "waiting":
        raise DeadLetterSettled(
            f"This dead letter was {letter.state} already; force it to redrive it all the same."
        )
    if letter.redrives >= MOST_REDRIVES:
        raise RedrivenTooOften
