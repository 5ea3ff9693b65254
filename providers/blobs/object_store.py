"""Blobs in S3, GCS, Azure or a local folder, through one library.

Its blocking calls run in threads: its coroutines leave native threads behind that touch Python
while the interpreter is ending, which now and then aborts a process that is exiting.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import TypeVar

import obstore
from obstore.exceptions import BaseError
from obstore.store import ObjectStore

from contracts.errors import BlobsUnavailable, MissingBlob
from providers.blobs.protocol import StoredBlob

#: What one read or write moves; larger steps cost memory, smaller ones cost thread switches.
STEP_BYTES = 1024 * 1024
#: S3 refuses smaller parts; with two in flight an upload takes some 15 MiB.
PART_BYTES = 5 * 1024 * 1024
PARTS_IN_FLIGHT = 2

_KEY = re.compile(r"[A-Za-z0-9_=-][A-Za-z0-9_.=-]*(/[A-Za-z0-9_=-][A-Za-z0-9_.=-]*)*", re.ASCII)
_LONGEST_KEY = 512
#: What S3 gives in one answer.
_PAGE = 1000
#: No blob is ever written under this key.
_PROBE = "probe"

T = TypeVar("T")


class ObjectStoreBlobs:
    """A ``BlobStore`` over any store that ``obstore`` speaks to.

    A key that is not made of plain names between slashes is a ``ValueError``: keys are derived
    from ids, so another key is a bug or an attack.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def put_stream(self, key: str, chunks: AsyncIterator[bytes]) -> int:
        """Store the chunks under ``key`` and return the bytes written."""
        _check_key(key)
        writer = obstore.open_writer(
            self._store, key, buffer_size=PART_BYTES, max_concurrency=PARTS_IN_FLIGHT
        )
        written = 0
        try:
            async for step in _in_steps(chunks):
                await _call(key, writer.write, step)
                written += len(step)
            await _call(key, writer.close)
        finally:
            # Closing publishes the blob; letting go of a writer that was not closed removes the
            # parts, and an exception's traceback would hold on to it.
            del writer
        return written

    async def put(self, key: str, data: bytes) -> None:
        """Store ``data`` under ``key``, replacing what was there."""
        _check_key(key)
        await _call(key, lambda: obstore.put(self._store, key, data))

    async def get(self, key: str) -> bytes:
        """Return the whole blob; ``MissingBlob`` when there is none."""
        _check_key(key)
        return await _call(key, lambda: bytes(obstore.get(self._store, key).bytes()))

    async def stream(self, key: str) -> AsyncIterator[bytes]:
        """Yield the blob in chunks of about 1 MiB; ``MissingBlob`` when there is none."""
        _check_key(key)
        found = await _call(key, lambda: obstore.get(self._store, key))
        steps = iter(found.stream(min_chunk_size=STEP_BYTES))
        while (step := await _call(key, lambda: next(steps, None))) is not None:
            yield bytes(step)

    async def rename(self, source: str, target: str) -> None:
        """Move a blob; the target is replaced. ``MissingBlob`` when there is no source."""
        _check_key(source)
        _check_key(target)
        await _call(source, lambda: obstore.rename(self._store, source, target))

    async def delete(self, key: str) -> None:
        """Remove the blob; nothing happens when there is none."""
        _check_key(key)
        try:
            await _call(key, lambda: obstore.delete(self._store, key))
        except MissingBlob:
            return

    async def delete_prefix(self, prefix: str) -> int:
        """Remove every blob whose key starts with ``prefix`` and return how many."""
        _check_key(prefix.removesuffix("/"))
        # A listing goes by whole folders, so the folder is listed and the names are compared.
        folder = prefix.rpartition("/")[0]
        listed = await _call(prefix, lambda: self._list(folder))
        keys = [key for key in listed if key.startswith(prefix)]
        for key in keys:
            await self.delete(key)
        return len(keys)

    async def stored(self) -> AsyncIterator[Sequence[StoredBlob]]:
        """Yield all blobs, a thousand at a time."""
        pages = iter(obstore.list(self._store, chunk_size=_PAGE))  # pyright: ignore[reportUnknownMemberType]
        while (page := await _call("", lambda: next(pages, None))) is not None:
            yield [StoredBlob(blob["path"], blob["last_modified"]) for blob in page]

    async def remove_unfinished(self, older_than: datetime) -> int:  # noqa: ARG002 - of a folder alone
        """Remove nothing: a rule of the bucket ends uploads that were broken off."""
        return 0

    async def check(self) -> None:
        """Return when the store answers, else raise ``BlobsUnavailable``."""
        try:
            await _call(_PROBE, lambda: obstore.head(self._store, _PROBE))
        except MissingBlob:
            return

    def _list(self, folder: str) -> list[str]:
        found = obstore.list(self._store, folder or None)  # pyright: ignore[reportUnknownMemberType]
        return [blob["path"] for page in found for blob in page]


def _check_key(key: str) -> None:
    if len(key) > _LONGEST_KEY or not _KEY.fullmatch(key):
        raise ValueError(f"{key!r} is not a key of a blob")


async def _in_steps(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    step = bytearray()
    async for chunk in chunks:
        step += chunk
        if len(step) >= STEP_BYTES:
            yield bytes(step)
            step.clear()
    if step:
        yield bytes(step)


async def _call(key: str, function: Callable[..., T], *args: bytes) -> T:
    try:
        return await asyncio.to_thread(function, *args)
    except FileNotFoundError as error:
        raise MissingBlob(f"The stored file {key} is gone; upload the document again.") from error
    except (BaseError, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise BlobsUnavailable(f"The blob store does not answer: {reason}") from error
