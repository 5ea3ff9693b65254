"""Which offset of a partition may be committed: everything before it is complete."""

from collections import OrderedDict

from runtime.delivery.progress import Progress


class OffsetTracker:
    """Offsets come in growing order, complete in any order, and may have holes (compaction).

    ``known`` is what an earlier owner of the partition has committed.
    """

    def __init__(self, known: Progress | None = None) -> None:
        self._known = known or Progress(0)
        self._known_open = frozenset(self._known.open)
        self._open: OrderedDict[int, None] = OrderedDict()
        self._next = known.position if known else None
        self._committed: Progress | None = None

    def __len__(self) -> int:
        """Return how many offsets are open."""
        return len(self._open)

    def seen(self, offset: int) -> bool:
        """Open an offset that was read; False when an earlier owner has completed it."""
        self._next = offset + 1
        if offset < self._known.end and offset not in self._known_open:
            return False
        self._open[offset] = None
        return True

    def done(self, offset: int) -> None:
        """Close an offset whose work is complete."""
        self._open.pop(offset, None)

    @property
    def position(self) -> int | None:
        """The first offset that is not complete, None where nothing was read or committed yet."""
        return next(iter(self._open)) if self._open else self._next

    def to_commit(self, *, is_held: bool = True) -> Progress | None:
        """Return what to commit, None when that is committed already.

        ``is_held`` says that work on what is open goes on.
        """
        position = self.position
        if self._next is None or position is None:
            return None
        not_read = (offset for offset in self._known.open if offset >= self._next)
        progress = Progress(
            position,
            open=(*self._open, *not_read),
            end=max(self._next, self._known.end),
            deaths=self._known.deaths if position == self._known.position else 0,
            is_held=is_held,
        )
        return None if progress == self._committed else progress

    def committed(self, progress: Progress) -> None:
        """Remember what the broker has taken."""
        self._committed = progress
