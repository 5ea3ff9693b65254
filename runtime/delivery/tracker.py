"""Which offset of a partition may be committed: everything before it is complete."""

from collections import OrderedDict


class OffsetTracker:
    """Offsets come in growing order, complete in any order, and may have holes (compaction)."""

    def __init__(self) -> None:
        self._open: OrderedDict[int, None] = OrderedDict()
        self._next: int | None = None
        self._committed: int | None = None

    def __len__(self) -> int:
        """Return how many offsets are open."""
        return len(self._open)

    def seen(self, offset: int) -> None:
        """Open an offset that was read."""
        self._open[offset] = None
        self._next = offset + 1

    def done(self, offset: int) -> None:
        """Close an offset whose work is complete."""
        self._open.pop(offset, None)

    @property
    def position(self) -> int | None:
        """The first offset that is not complete, None before the first record."""
        return next(iter(self._open)) if self._open else self._next

    def to_commit(self) -> int | None:
        """Return the offset to commit, None when that is committed already."""
        return None if self.position == self._committed else self.position

    def committed(self, position: int) -> None:
        """Remember what the broker has taken."""
        self._committed = position
