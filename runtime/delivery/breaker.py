"""The breaker between a worker and its provider: while that is down, records wait and age not."""

from collections import deque

from contracts.errors import ProviderBusy, ProviderUnavailable, Retryable
from runtime.delivery.gate import Gate

#: What a provider that is away or limits all of us looks like.
OF_PROVIDERS = (ProviderUnavailable, ProviderBusy)
#: Failures one after the other, of different records, that mean the provider and not a record.
IN_A_ROW = 5
DIFFERENT_KEYS = 3
PROBE_SECONDS = 10.0


class Breaker(Gate):
    """Opens after failures of the provider in a row; the first try that it answers closes it."""

    def __init__(self, *, probe_seconds: float = PROBE_SECONDS) -> None:
        super().__init__(probe_seconds)
        self._row: deque[bytes] = deque(maxlen=IN_A_ROW)

    def failed(self, error: Retryable, key: bytes) -> bool:
        """Count a failure; return whether it is the provider's, so that no try is counted."""
        if not isinstance(error, OF_PROVIDERS):
            return False
        self._row.append(key)
        if len(self._row) == IN_A_ROW and len(set(self._row)) >= DIFFERENT_KEYS:
            self.stop()
        return self.is_stopped

    def answered(self) -> None:
        """Note that the provider did its part, well or not."""
        self._row.clear()
        self.resume()
