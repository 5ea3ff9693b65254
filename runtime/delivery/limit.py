"""The limit that stops a bad release: it must not empty a topic into the dead letters."""

from collections import deque
from dataclasses import dataclass

from runtime.clock import Clock
from runtime.delivery.gate import Gate

#: Errors that nobody classified, one after the other.
IN_A_ROW = 20
#: Or this share of all tries within the window, once there were enough to speak of a share.
SHARE = 0.3
WINDOW_SECONDS = 300.0
#: Of a fast worker only the last tries of the window are kept.
MOST_TRIES = 1000
#: One document that cannot be handled stops nobody; this many different keys do.
DIFFERENT_KEYS = 3
PROBE_SECONDS = 30.0


@dataclass(frozen=True)
class _Try:
    at: float
    #: None when the try was no bug.
    failed_key: bytes | None


class ReleaseLimit(Gate):
    """Stops when too many tries end in bugs; the first try that does not lets all go on."""

    def __init__(self, clock: Clock, *, probe_seconds: float = PROBE_SECONDS) -> None:
        super().__init__(probe_seconds)
        self._clock = clock
        self._tries: deque[_Try] = deque(maxlen=MOST_TRIES)
        self._row: deque[bytes] = deque(maxlen=IN_A_ROW)

    @property
    def problem(self) -> str | None:
        """Why work is stopped and how it goes on, None while it is not."""
        if not self.is_stopped:
            return None
        return (
            "Stopped after too many errors of our own; see the log. One record is tried every "
            f"{self._probe_seconds:.0f} s, and work goes on by itself once one succeeds; to end it "
            "at once, roll the release back."
        )

    def failed(self, key: bytes) -> None:
        """Count a try that ended in an error that nobody classified."""
        self._row.append(key)
        self._note(key)
        if self._is_too_much():
            self.stop()

    def ended(self) -> None:
        """Count a try that ended in any other way."""
        self._row.clear()
        self._note(None)
        if self.is_stopped:
            self._tries.clear()
            self.resume()

    def _note(self, failed_key: bytes | None) -> None:
        now = self._clock.monotonic()
        self._tries.append(_Try(now, failed_key))
        while self._tries[0].at < now - WINDOW_SECONDS:
            self._tries.popleft()

    def _is_too_much(self) -> bool:
        in_a_row = len(self._row) == IN_A_ROW and len(set(self._row)) >= DIFFERENT_KEYS
        return in_a_row or self._is_large_share()

    def _is_large_share(self) -> bool:
        failed = [one.failed_key for one in self._tries if one.failed_key is not None]
        enough = len(self._tries) >= IN_A_ROW and len(set(failed)) >= DIFFERENT_KEYS
        return enough and len(failed) > SHARE * len(self._tries)
