"""What every document parser offers."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from contracts.artefacts import ParsedDocument


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """A file to parse, on local disk."""

    path: Path
    filename: str
    media_type: str
    size: int


@dataclass(frozen=True, kw_only=True)
class RemoteJob:
    """What is remembered of a job at a provider, so that a restart goes on polling it."""

    #: None when none was submitted yet.
    known_id: str | None
    #: Called with the new job's id before the first poll; must have stored it when it returns.
    remember: Callable[[str], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Parsed:
    """A parsed document and what it cost."""

    document: ParsedDocument
    #: Pages that the provider bills; 0 for a local parser.
    pages_billed: int


class DocumentParser(Protocol):
    """Turns a file into pages of text."""

    @property
    def name(self) -> str:
        """Provider and version, as recorded with each document."""
        ...

    @property
    def is_local_twin(self) -> bool:
        """Whether this serves one machine in place of the real provider."""
        ...

    async def parse(self, source: SourceFile, job: RemoteJob) -> Parsed:
        """Return the pages of ``source``.

        Raises ``UnreadableDocument``, ``EncryptedDocument``, ``EmptyDocument``,
        ``DocumentTooLarge``, ``ParsingTimedOut``, ``UnsupportedMediaType``,
        ``ProviderUnauthorized``, ``ProviderRefused``, ``ProviderBusy`` or ``ProviderUnavailable``.
        """
        ...

    async def close(self) -> None:
        """Release connections and processes."""
        ...
