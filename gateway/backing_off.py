"""Keys that failed: each is tried again after a while of its own."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from runtime.clock import Clock

#: The first wait; each is twice the one before.
FIRST_SECONDS = 0.25
LONGEST_SECONDS = 10.0


@dataclass(frozen=True)
class _Wait:
    until: float
    tries: int


class BackingOff:
    """Remembers how often keys failed in a row, and which are not to be tried yet."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waits: dict[str, _Wait] = {}

    def __len__(self) -> int:
        """Return how many keys failed when they were last tried."""
        return len(self._waits)

    def keys(self) -> AbstractSet[str]:
        """Return the keys whose time has not come."""
        now = self._clock.monotonic()
        return {key for key, wait in self._waits.items() if wait.until > now}

    def failed(self, key: str) -> int:
        """Let a key wait, and return how often it has failed in a row."""
        tries = 1 + (self._waits[key].tries if key in self._waits else 0)
        seconds = min(FIRST_SECONDS * 2.0 ** min(tries - 1, 10), LONGEST_SECONDS)
        self._waits[key] = _Wait(self._clock.monotonic() + seconds, tries)
        return tries

    def succeeded(self, key: str) -> None:
        """Forget that a key failed."""
        self._waits.pop(key, None)
