"""Counting windows in the memory of one gateway.

`limits` brings such a storage, but it walks over every key on every request.
"""

from runtime.clock import Clock

#: Windows kept before the ended ones are looked for and dropped.
SWEEP_AT = 10_000


class MemoryWindows:
    """Counters that end; memory is bounded by the keys seen in one window."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        #: Count and end (seconds since the epoch) by key.
        self._windows: dict[str, tuple[int, float]] = {}
        self._sweep_at = SWEEP_AT

    def __len__(self) -> int:
        return len(self._windows)

    def count(self, key: str, seconds: float) -> tuple[int, float]:
        """Count one in the key's window; return its sum and the seconds until it ends.

        A window begins with its first count and lasts ``seconds``.
        """
        now = self._clock.now().timestamp()
        count, end = self._windows.get(key, (0, 0.0))
        if end <= now:
            count, end = 0, now + seconds
            self._sweep(now)
        self._windows[key] = (count + 1, end)
        return count + 1, end - now

    def _sweep(self, now: float) -> None:
        """Drop the ended windows whenever their number has doubled: constant cost per request."""
        if len(self._windows) < self._sweep_at:
            return
        self._windows = {key: window for key, window in self._windows.items() if window[1] > now}
        self._sweep_at = max(SWEEP_AT, 2 * len(self._windows))
