"""What the chunker takes from the settings."""

from dataclasses import dataclass

from runtime.settings import Settings

DOCUMENTS_PER_PROCESS = 4
#: A document whose sentences take longer is given up; pysbd needs under 50 ms per kB.
SPLIT_SECONDS = 600.0


@dataclass(frozen=True, kw_only=True)
class ChunkerSettings:
    """Bounds of one chunker process."""

    concurrency: int
    processes: int
    drain_seconds: float

    @classmethod
    def of(cls, settings: Settings) -> "ChunkerSettings":
        """Return the bounds."""
        default = DOCUMENTS_PER_PROCESS * settings.cpu_processes
        return cls(
            concurrency=settings.worker_concurrency or default,
            processes=settings.cpu_processes,
            drain_seconds=settings.drain_seconds,
        )
