"""Rate limits per user, address and login; shared between gateways where REDIS_URL is set.

While Redis cannot be reached, each gateway counts alone, in memory: requests pass, at most as
many times the limit as there are gateways. Refusing everybody because a counter is away would
turn a small outage into a whole one. It is logged and counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import structlog
from limits.aio.storage import RedisStorage, Storage
from limits.errors import StorageError

from gateway.refusals import RateLimited
from gateway.window import MemoryWindows
from runtime import metrics
from runtime.clock import Clock
from runtime.settings import Settings

log = structlog.get_logger(__name__)

LimitName = Literal["user", "address", "login"]

WINDOW_SECONDS = 60
#: Counting must not hold a request up: a Redis slower than this counts as away.
REDIS_SECONDS = 0.25
#: How long Redis is left alone after it failed.
REDIS_PAUSE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a limit in the current window."""

    limit: int
    remaining: int
    #: Seconds until the window starts anew.
    reset: int

    def headers(self) -> dict[str, str]:
        """Return the `RateLimit-*` headers."""
        return {
            "ratelimit-limit": str(self.limit),
            "ratelimit-remaining": str(self.remaining),
            "ratelimit-reset": str(self.reset),
        }


class Limits:
    """Counts requests in windows of a minute that start with the first request."""

    def __init__(
        self, per_minute: Mapping[LimitName, int], *, clock: Clock, shared: Storage | None = None
    ) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._alone = MemoryWindows(clock=clock)
        self._shared = shared
        self._shared_again_at = 0.0

    @classmethod
    def of(cls, settings: Settings, clock: Clock) -> "Limits":
        """Return the limits of the settings, counted in Redis where REDIS_URL is set."""
        per_minute: dict[LimitName, int] = {
            "user": settings.user_requests_per_minute,
            "address": settings.address_requests_per_minute,
            "login": settings.login_attempts_per_minute,
        }
        return cls(per_minute, clock=clock, shared=_shared(settings))

    async def hit(self, name: LimitName, *identity: str) -> Allowance:
        """Count one request of ``identity``; ``RateLimited`` when its window is full."""
        limit = self._per_minute[name]
        count, seconds = await self._count("/".join((name, *identity)))
        reset = max(1, round(seconds))
        if count > limit:
            metrics.RATE_LIMITED.labels(name).inc()
            raise RateLimited(retry_after=reset)
        return Allowance(limit, limit - count, reset)

    async def _count(self, key: str) -> tuple[int, float]:
        if self._shared is not None and self._clock.monotonic() >= self._shared_again_at:
            try:
                return await self._counted_by(self._shared, key)
            except StorageError as error:
                self._shared_again_at = self._clock.monotonic() + REDIS_PAUSE_SECONDS
                log.warning("rate_limits_counted_alone", reason=str(error.storage_error))
        if self._shared is not None:
            metrics.LIMITS_COUNTED_ALONE.inc()
        return self._alone.count(key, WINDOW_SECONDS)

    async def _counted_by(self, storage: Storage, key: str) -> tuple[int, float]:
        count = await storage.incr(key, WINDOW_SECONDS)
        return count, await storage.get_expiry(key) - self._clock.now().timestamp()


def _shared(settings: Settings) -> Storage | None:
    if settings.redis_url is None:
        return None
    return RedisStorage(
        settings.redis_url.get_secret_value(),
        wrap_exceptions=True,
        implementation="redispy",
        socket_timeout=REDIS_SECONDS,
        socket_connect_timeout=REDIS_SECONDS,
    )
