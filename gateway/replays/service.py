"""What operators order: a plan, a replay of a group or of some records, a rebuild."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from contracts import ids
from contracts.topics import DOCUMENTS_PARSED, DOCUMENTS_UPLOADED
from gateway.refusals import NotFound, ReplayConflict
from gateway.replays.choosing import Choice, count_of, is_chosen, ranges_of
from runtime.clock import Clock
from runtime.kafka import GroupInUse, KafkaConnection, RangeReader, TopicAdmin
from store import Store
from store.replays import Replay, ReplayKind

log = structlog.get_logger(__name__)

#: A plan looks at records for no longer than this; then it says "at least".
PLAN_SECONDS = 20.0

Ranges = Mapping[str, tuple[int, int]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What a replay would do."""

    kind: ReplayKind
    topic: str
    ranges: Ranges
    #: Offsets in the ranges, which compaction may have left empty; or, of some records, the
    #: records that were found.
    records: int
    #: Whether ``records`` is all, or the counting took too long.
    is_complete: bool
    #: Members of the group now; a whole group is only reset without.
    members: int
    #: At the rate of the fastest minute of the last week; None without such a minute.
    seconds: float | None


class ReplayDesk:
    """Takes the orders; ``gateway.replays.running`` carries out what takes time."""

    def __init__(self, *, store: Store, kafka: KafkaConnection, clock: Clock) -> None:
        self._store = store
        self._kafka = kafka
        self._clock = clock

    async def plan(self, choice: Choice) -> Plan:
        """Say what would be read again; changes nothing."""
        async with TopicAdmin(self._kafka) as admin:
            ranges = await ranges_of(choice, admin)
            members = await admin.members(choice.group)
        records, is_complete = count_of(ranges), True
        if not choice.is_whole:
            records, is_complete = await self._count(choice, ranges)
        async with self._store.system() as system:
            fastest = await system.replays.fastest()
        return Plan(
            kind="group" if choice.is_whole else "selective",
            topic=choice.topic,
            ranges=ranges,
            records=records,
            is_complete=is_complete,
            members=members,
            seconds=records / fastest if fastest else None,
        )

    async def run(self, choice: Choice) -> Replay:
        """Begin a replay.

        ``ReplayConflict`` where a whole group has members: they would commit over it.
        """
        replay_id = f"replay-{ids.new_id()}"
        async with TopicAdmin(self._kafka) as admin:
            ranges = await ranges_of(choice, admin)
            if choice.is_whole and await admin.members(choice.group):
                raise ReplayConflict(_in_use(choice))
            # Known before it is done: a worker that starts in between takes it for a replay.
            await self._create(
                replay_id, "group" if choice.is_whole else "selective", choice, ranges
            )
            if choice.is_whole:
                await self._reset(replay_id, choice, ranges, admin)
        log.warning("replay_begun", replay_id=replay_id, group=choice.group)
        return await self.read(replay_id)

    async def rebuild(self) -> Replay:
        """Begin to rebuild everything that is derived from documents, from the log and the blobs.

        ``ReplayConflict`` while another rebuild is under way.
        """
        async with self._store.system() as system:
            if any(replay.kind == "rebuild" for replay in await system.replays.running()):
                raise ReplayConflict("A rebuild is under way already.")
        replay_id = f"rebuild-{ids.new_id()}"
        async with TopicAdmin(self._kafka) as admin:
            ranges = {
                topic.name: {
                    str(number): bounds
                    for number, bounds in (await admin.bounds(topic.name)).items()
                }
                for topic in (DOCUMENTS_UPLOADED, DOCUMENTS_PARSED)
            }
        async with self._store.system() as system:
            await system.replays.create(replay_id, "rebuild", "chunker", chosen={}, ranges=ranges)
        log.warning("rebuild_begun", replay_id=replay_id)
        return await self.read(replay_id)

    async def read(self, replay_id: str) -> Replay:
        """Return a replay; ``NotFound``."""
        async with self._store.system() as system:
            found = await system.replays.get(replay_id)
        if found is None:
            raise NotFound("There is no such replay.")
        return found

    async def newest(self, *, limit: int) -> Sequence[Replay]:
        """Return the newest replays, newest first."""
        async with self._store.system() as system:
            return await system.replays.newest(limit=limit)

    async def _reset(
        self, replay_id: str, choice: Choice, ranges: Ranges, admin: TopicAdmin
    ) -> None:
        first = {int(number): start for number, (start, _) in ranges.items()}
        problem: str | None = "The offsets of the group were not reset."
        try:
            await admin.reset(choice.group, choice.topic, first)
            problem = None
        except GroupInUse as error:
            raise ReplayConflict(_in_use(choice)) from error
        finally:
            async with self._store.system() as system:
                await system.replays.finish(replay_id, problem=problem)

    async def _create(
        self, replay_id: str, kind: ReplayKind, choice: Choice, ranges: Ranges
    ) -> None:
        async with self._store.system() as system:
            await system.replays.create(
                replay_id,
                kind,
                choice.group,
                chosen=choice.as_texts(),
                ranges={choice.topic: ranges},
            )

    async def _count(self, choice: Choice, ranges: Ranges) -> tuple[int, bool]:
        """Count the chosen records, for a bounded time."""
        deadline = self._clock.monotonic() + PLAN_SECONDS
        found, chosen = 0, choice.as_texts()
        async with RangeReader(self._kafka) as reader:
            for number, (first, end) in ranges.items():
                async for records, _ in reader.read(choice.topic, int(number), first, end):
                    found += sum(is_chosen(record, chosen) for record in records)
                    if self._clock.monotonic() > deadline:
                        return found, False
        return found, True


def _in_use(choice: Choice) -> str:
    return (
        f"The group {choice.group} has members, who would commit over its offsets: stop every "
        f"{choice.group} first, run this again, and start them. Or choose by tenant, document or "
        "end: that is read again beside live work."
    )
