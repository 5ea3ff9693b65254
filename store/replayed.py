"""Telling the records of a whole group's replay from duplicates, by their offsets."""

from collections.abc import Sequence

from store.replays import Replay
from store.store import Store


class ReplayedOffsets:
    """Which replay a record of a group belongs to; what is not in a range belongs to none.

    A group is reset only while nobody reads in it, so a worker learns of it at its start.
    """

    def __init__(self, replays: Sequence[Replay]) -> None:
        self._replays = replays

    @classmethod
    async def of(cls, store: Store, group: str) -> "ReplayedOffsets":
        """Return what is known of a group now."""
        async with store.system() as system:
            return cls(await system.replays.of_group(group))

    def replay_of(self, topic: str, partition: int, offset: int) -> str:
        """Return the id of the newest replay that has this record, empty when none has."""
        for replay in self._replays:
            first, end = replay.ranges.get(topic, {}).get(str(partition), (0, 0))
            if first <= offset < end:
                return replay.replay_id
        return ""
