"""What every blob store offers: S3, GCS, Azure and a local folder by one URL."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class StoredBlob:
    """A blob as it is listed."""

    key: str
    #: When it was written, by the store's clock; aware.
    modified: datetime


class BlobStore(Protocol):
    """Keeps originals and artefacts under keys like ``TENANT/DOCUMENT/VERSION/original``.

    Every method raises ``BlobsUnavailable`` when the store cannot be reached.
    """

    async def put_stream(self, key: str, chunks: AsyncIterator[bytes]) -> int:
        """Store the chunks under ``key`` and return the bytes written; memory stays bounded.

        An interrupted write leaves nothing visible under ``key``.
        """
        ...

    async def put(self, key: str, data: bytes) -> None:
        """Store ``data`` under ``key``, replacing what was there."""
        ...

    async def get(self, key: str) -> bytes:
        """Return the whole blob; ``MissingBlob`` when there is none."""
        ...

    def stream(self, key: str) -> AsyncIterator[bytes]:
        """Yield the blob in bounded chunks; ``MissingBlob`` when there is none."""
        ...

    async def rename(self, source: str, target: str) -> None:
        """Move a blob; the target is replaced. ``MissingBlob`` when there is no source."""
        ...

    async def delete(self, key: str) -> None:
        """Remove the blob; nothing happens when there is none."""
        ...

    async def delete_prefix(self, prefix: str) -> int:
        """Remove every blob whose key starts with ``prefix`` and return how many."""
        ...

    def stored(self) -> AsyncIterator[Sequence[StoredBlob]]:
        """Yield all blobs, some hundreds at a time, in no order that can be relied on."""
        ...

    async def remove_unfinished(self, older_than: datetime) -> int:
        """Remove what interrupted writes left out of sight before that, and return how many.

        Clouds do that by a rule of the bucket, and nothing is removed here.
        """
        ...

    async def check(self) -> None:
        """Return when the store answers, else raise ``BlobsUnavailable``."""
        ...
