"""Counting windows in the memory of one gateway.

`limits` brings such a storage, but it walks over every key on every request.
"""

from limits.aio.storage import Storage
from typing_extensions import override

from runtime.clock import Clock

#: Windows kept before the ended ones are looked for and dropped.
SWEEP_AT = 10_000


class MemoryWindows(Storage):
    """Counters that end; memory is bounded by the keys seen in one window."""

    STORAGE_SCHEME: list[str] | None = ["async+ragline-memory"]  # noqa: RUF012 - as declared there

    def __init__(self, *, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        #: Count and end (seconds since the epoch) by key.
        self._windows: dict[str, tuple[int, float]] = {}
        self._sweep_at = SWEEP_AT

    @property
    @override
    def base_exceptions(self) -> type[Exception]:
        """Return what may be raised; nothing is."""
        return ValueError

    @override
    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count ``amount`` and return the sum of the window, which lasts ``expiry`` seconds."""
        now = self._clock.now().timestamp()
        count, end = self._windows.get(key, (0, 0.0))
        if end <= now:
            count, end = 0, now + expiry
            self._sweep(now)
        self._windows[key] = (count + amount, end)
        return count + amount

    @override
    async def get(self, key: str) -> int:
        """Return the sum of the window."""
        count, end = self._windows.get(key, (0, 0.0))
        return count if end > self._clock.now().timestamp() else 0

    @override
    async def get_expiry(self, key: str) -> float:
        """Return when the window ends, in seconds since the epoch."""
        return self._windows.get(key, (0, self._clock.now().timestamp()))[1]

    @override
    async def check(self) -> bool:
        """Return True: memory is always there."""
        return True

    @override
    async def reset(self) -> int | None:
        """Forget every window and return how many there were."""
        count = len(self._windows)
        self._windows.clear()
        return count

    @override
    async def clear(self, key: str) -> None:
        """Forget one window."""
        self._windows.pop(key, None)

    def _sweep(self, now: float) -> None:
        """Drop the ended windows whenever their number has doubled: constant cost per request."""
        if len(self._windows) < self._sweep_at:
            return
        self._windows = {key: window for key, window in self._windows.items() if window[1] > now}
        self._sweep_at = max(SWEEP_AT, 2 * len(self._windows))
