"""What the responder takes from the settings."""

from dataclasses import dataclass

from runtime.settings import Settings

#: Answers wait for a model nearly all of their time.
ANSWERS_IN_FLIGHT = 64
#: A responder that is gone is missed for at most this long.
LEASE_SECONDS = 15.0


@dataclass(frozen=True, kw_only=True)
class ResponderSettings:
    """Bounds of one responder process."""

    concurrency: int
    drain_seconds: float
    lease_seconds: float = LEASE_SECONDS

    @classmethod
    def of(cls, settings: Settings) -> "ResponderSettings":
        """Return the bounds."""
        return cls(
            concurrency=settings.worker_concurrency or ANSWERS_IN_FLIGHT,
            drain_seconds=settings.drain_seconds,
        )
