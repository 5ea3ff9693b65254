"""The limit that stops a bad release: it must not empty a topic into the dead letters."""

import asyncio
from collections import deque
from dataclasses import dataclass

from runtime.clock import Clock

#: Errors that nobody classified, one after the other.
IN_A_ROW = 20
#: Or this share of all tries within the window, once there were enough to speak of a share.
SHARE = 0.3
WINDOW_SECONDS = 300.0
#: One document that cannot be handled stops nobody; this many different keys do.
DIFFERENT_KEYS = 3
PROBE_SECONDS = 30.0


@dataclass(frozen=True)
class _Try:
    at: float
    #: None when the try was no bug.
    failed_key: bytes | None


class ReleaseLimit:
    """Lets every try through until too many are bugs; then one at a time, as a probe.

    It opens again by itself with the first probe that is no bug.
    """

    def __init__(self, clock: Clock, *, probe_seconds: float = PROBE_SECONDS) -> None:
        self._clock = clock
        self._probe_seconds = probe_seconds
        self._tries: deque[_Try] = deque()
        self._row: deque[bytes] = deque(maxlen=IN_A_ROW)
        self._probing = asyncio.Lock()
        self._opened = asyncio.Event()
        self._opened.set()

    @property
    def problem(self) -> str | None:
        """Why work is stopped and how it goes on, None while it is not."""
        if self._opened.is_set():
            return None
        return (
            "Stopped after too many errors of our own; see the log. One record is tried every "
            f"{self._probe_seconds:.0f} s, and work goes on by itself once one succeeds; to end it "
            "at once, roll the release back."
        )

    async def admit(self) -> None:
        """Return when a try may begin."""
        while not self._opened.is_set():
            async with self._probing:
                try:
                    async with asyncio.timeout(self._probe_seconds):
                        await self._opened.wait()
                except TimeoutError:
                    return  # this one is the probe

    def failed(self, key: bytes) -> None:
        """Count a try that ended in an error that nobody classified."""
        self._row.append(key)
        self._note(key)
        if self._is_too_much():
            self._opened.clear()

    def ended(self) -> None:
        """Count a try that ended in any other way."""
        self._row.clear()
        self._note(None)
        if not self._opened.is_set():
            self._tries.clear()
            self._opened.set()

    def _note(self, failed_key: bytes | None) -> None:
        now = self._clock.monotonic()
        self._tries.append(_Try(now, failed_key))
        while self._tries[0].at < now - WINDOW_SECONDS:
            self._tries.popleft()

    def _is_too_much(self) -> bool:
        failed = [one.failed_key for one in self._tries if one.failed_key is not None]
        in_a_row = len(self._row) >= IN_A_ROW and len(set(self._row)) >= DIFFERENT_KEYS
        share = len(failed) > SHARE * len(self._tries) and len(self._tries) >= IN_A_ROW
        return in_a_row or (share and len(set(failed)) >= DIFFERENT_KEYS)
