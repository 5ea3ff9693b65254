"""What the parser takes from the settings."""

from dataclasses import dataclass

from runtime.settings import Settings

#: Polling a provider costs nothing, so many documents may wait at once.
REMOTE_CONCURRENCY = 32
#: Beyond what the processes do at once, so that downloads overlap with parsing.
LOCAL_FILES_PER_PROCESS = 4
BESIDE_PARSING_SECONDS = 300.0


@dataclass(frozen=True, kw_only=True)
class ParserSettings:
    """Bounds of one parser process."""

    concurrency: int
    drain_seconds: float
    #: Longer than parsing may take, with the time to fetch the file and to store its pages.
    try_seconds: float

    @classmethod
    def of(cls, settings: Settings, *, is_local: bool) -> "ParserSettings":
        """Return the bounds for a local or a remote parser."""
        default = (
            LOCAL_FILES_PER_PROCESS * settings.cpu_processes if is_local else REMOTE_CONCURRENCY
        )
        return cls(
            concurrency=settings.worker_concurrency or default,
            drain_seconds=settings.drain_seconds,
            try_seconds=settings.parse_timeout + BESIDE_PARSING_SECONDS,
        )
