"""Blobs in a folder of this machine."""

import asyncio
import re
from datetime import UTC, datetime
from pathlib import Path

from obstore.store import LocalStore
from typing_extensions import override

from contracts.errors import BlobsUnavailable
from providers.blobs.object_store import ObjectStoreBlobs

#: A file is written under its name with a number, and renamed when it is whole.
_STAGED = re.compile(r".+#\d+")


class LocalFolderBlobs(ObjectStoreBlobs):
    """A ``BlobStore`` over a folder."""

    def __init__(self, store: LocalStore, folder: Path) -> None:
        super().__init__(store)
        self._folder = folder

    @override
    async def remove_unfinished(self, older_than: datetime) -> int:
        """Remove the parts of files whose writers were killed, and return how many."""
        try:
            return await asyncio.to_thread(self._remove_staged, older_than)
        except OSError as error:
            raise BlobsUnavailable(f"The folder of the blobs cannot be tidied: {error}") from error

    def _remove_staged(self, older_than: datetime) -> int:
        removed = 0
        for path in self._folder.rglob("*#*"):
            if _STAGED.fullmatch(path.name) and _modified(path) < older_than:
                path.unlink(missing_ok=True)
                removed += 1
        return removed


def _modified(path: Path) -> datetime:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except FileNotFoundError:  # its writer has finished
        return datetime.max.replace(tzinfo=UTC)
