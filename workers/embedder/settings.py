"""What the embedder takes from the settings."""

from dataclasses import dataclass

from runtime.settings import Settings

#: Parts whose texts may share a provider call: 32 x 96 chunks fill one of OpenAI's requests.
PARTS_IN_FLIGHT = 32


@dataclass(frozen=True, kw_only=True)
class EmbedderSettings:
    """Bounds of one embedder process."""

    concurrency: int
    drain_seconds: float

    @classmethod
    def of(cls, settings: Settings) -> "EmbedderSettings":
        """Return the bounds."""
        return cls(
            concurrency=settings.worker_concurrency or PARTS_IN_FLIGHT,
            drain_seconds=settings.drain_seconds,
        )
