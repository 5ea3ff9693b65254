"""What a worker tells the delivery runtime about itself."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from contracts.envelope import Outgoing
from contracts.topics import Topic, WorkerName
from runtime.delivery.failures import Failure


@dataclass(frozen=True, kw_only=True)
class Worker:
    """A consumer group over one topic, named like its folder.

    ``handle`` does the work of one event and returns the events that follow; it may run more than
    once for the same event and must then have the same effect. ``give_up`` is called once an event
    is given up, before it becomes a dead letter; it says so wherever somebody waits, and raises
    ``Obsolete`` where the event's subject is gone, so that no dead letter keeps its text.
    """

    name: WorkerName
    topic: Topic
    #: Records in work at the same time, each of another key.
    concurrency: int
    handle: Callable[[Any], Awaitable[Sequence[Outgoing]]]
    give_up: Callable[[Any, Failure], Awaitable[Sequence[Outgoing]]]
    #: Another group than the one that is named like the folder, for a worker that does one work
    #: beside the live one; its retries are the live worker's.
    group: str | None = None
    #: Awaited before a record is tried: it may hold the work back, for whatever reason.
    admit: Callable[[], Awaitable[None]] | None = None
    #: Returns the id of the replay that a record of the worker's own topic belongs to, empty for
    #: none; by topic, partition and offset.
    replay_of: Callable[[str, int, int], str] | None = None
    #: Headers that a record gets which waits elsewhere, so that others know whose it was.
    marks: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    #: Called when what follows is acknowledged; returns what must be said after it, if anything.
    confirm: Callable[[Any], Awaitable[Sequence[Outgoing]]] | None = None
    #: False where work in flight outlives a rebalance, because something else than the partition
    #: (a lease) keeps it from being done twice.
    drains_on_revoke: bool = True
    #: Seconds that one try may take; a try that hangs must not keep its key for ever.
    try_seconds: float = 900.0
    #: Seconds that work in flight may take to end at a stop or a rebalance.
    drain_seconds: float = 30.0

    @property
    def consumer_group(self) -> str:
        """The group in which it reads its topic."""
        return self.group or self.name
