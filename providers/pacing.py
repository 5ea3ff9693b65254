"""How the coroutines of a process share the limits of one provider."""

import asyncio
import time
from collections.abc import Callable, Mapping

from contracts.errors import ProviderBusy
from providers.rate_limits import LONGEST_PAUSE, Quota

#: A provider that limits us without saying for how long is asked again after this, then later.
_FIRST_PAUSE = 1.0
_LONGEST_UNSTATED_PAUSE = 60.0


class Pacer:
    """Lets requests to one provider start only when its limits, as far as known, allow them.

    One serves all coroutines of a process that use the same limits; they start in turn.
    """

    def __init__(
        self, provider: str, *, patience: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._provider = provider
        #: Seconds that a request may wait here; a longer pause is told to the caller instead.
        self._patience = patience
        self._clock = clock
        self._queue = asyncio.Lock()
        self._paused_until = 0.0
        self._unstated_pause = _FIRST_PAUSE
        self._allowances: dict[str, _Allowance] = {}

    async def turn(self, tokens: int = 0) -> None:
        """Return when a request of about ``tokens`` may start.

        Raises:
            ProviderBusy: that would take longer than the patience; nothing was asked.
        """
        async with self._queue:
            while (wait := self._wait(tokens)) > 0:
                if wait > self._patience:
                    raise ProviderBusy(
                        f"{self._provider} limits our requests; the next one may start in "
                        f"{wait:.0f} seconds, and the work goes on by itself.",
                        retry_after=wait,
                    )
                await asyncio.sleep(wait)
            self._take(tokens)

    def pause(self, seconds: float | None) -> None:
        """Start nothing for ``seconds``, or for a growing while where the provider named none."""
        if seconds is None:
            seconds = self._unstated_pause
            self._unstated_pause = min(2 * seconds, _LONGEST_UNSTATED_PAUSE)
        until = self._clock() + min(seconds, LONGEST_PAUSE)
        self._paused_until = max(self._paused_until, until)

    def learn(self, quotas: Mapping[str, Quota]) -> None:
        """Take over what the headers of a good answer say."""
        self._unstated_pause = _FIRST_PAUSE
        now = self._clock()
        for unit, quota in quotas.items():
            self._allowances[unit] = _Allowance(quota, now)

    def _wait(self, tokens: int) -> float:
        now = self._clock()
        waits = [self._paused_until - now]
        for unit, allowance in self._allowances.items():
            waits.append(allowance.wait(_needed(unit, tokens), now))
        return max(waits)

    def _take(self, tokens: int) -> None:
        now = self._clock()
        for unit, allowance in self._allowances.items():
            allowance.take(_needed(unit, tokens), now)


def _needed(unit: str, tokens: int) -> float:
    return tokens if unit == "tokens" else 1


class _Allowance:
    """A quota that fills up evenly until its reset, less what was taken since it was stated."""

    def __init__(self, quota: Quota, now: float) -> None:
        self._limit = quota.limit
        self._left = quota.remaining
        self._at = now
        self._per_second = (
            (quota.limit - quota.remaining) / quota.reset if quota.reset > 0 else quota.limit
        )

    def wait(self, needed: float, now: float) -> float:
        """Return the seconds until ``needed`` is there; more than the limit is never asked for."""
        missing = min(needed, self._limit) - self._filled(now)
        if missing <= 0:
            return 0.0
        return missing / self._per_second if self._per_second > 0 else 0.0

    def take(self, needed: float, now: float) -> None:
        self._left = self._filled(now) - needed
        self._at = now

    def _filled(self, now: float) -> float:
        return min(self._limit, self._left + (now - self._at) * self._per_second)
