"""Office files are ZIP archives: nothing is unpacked before its size is known."""

import copy
import zipfile
import zlib
from pathlib import Path

from contracts.errors import (
    DocumentTooLarge,
    EncryptedDocument,
    UnreadableDocument,
    UnsupportedMediaType,
)

#: Large workbooks unpack to some hundred megabytes.
MAX_UNPACKED_BYTES = 512 * 1024 * 1024
MAX_ENTRIES = 10_000
#: XML shrinks to a tenth, a very even table to a fiftieth.
MAX_RATIO = 200
#: Small files may shrink by any ratio without harm.
_HARMLESS_BYTES = 16 * 1024 * 1024

#: Begins the container that Office used before ZIP, and still uses around an encrypted file.
OLE_SIGNATURE = bytes.fromhex("d0cf11e0a1b11ae1")
_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
_ENCRYPTED = 0x1
_STEP = 256 * 1024


def check_archive(path: Path, main_part: str) -> None:
    """Return when ``path`` is a sound Office archive with ``main_part`` that may be unpacked.

    Raises ``DocumentTooLarge``, ``EncryptedDocument``, ``UnsupportedMediaType`` or
    ``UnreadableDocument``. Every entry is unpacked once, to nowhere, so what an entry declares
    of itself is not believed.
    """
    _check_container(path)
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            _check_declared(entries, path.stat().st_size)
            if main_part not in archive.namelist():
                raise UnreadableDocument(
                    "The file is an archive, but not a document of its kind; upload an intact copy."
                )
            for entry in entries:
                _check_real_size(archive, entry)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise UnreadableDocument(
            "The file is damaged and cannot be unpacked; upload an intact copy."
        ) from error


def _check_container(path: Path) -> None:
    with path.open("rb") as file:
        if file.read(len(OLE_SIGNATURE)) != OLE_SIGNATURE:
            return
        overlap = b""
        while step := file.read(_STEP):
            if _ENCRYPTED_PACKAGE in overlap + step:
                raise EncryptedDocument
            overlap = step[-len(_ENCRYPTED_PACKAGE) :]
    raise UnsupportedMediaType(
        "The file is in the old Office format; save it as DOCX, XLSX or PPTX and upload that."
    )


def _check_declared(entries: list[zipfile.ZipInfo], packed_bytes: int) -> None:
    unpacked_bytes = sum(entry.file_size for entry in entries)
    if any(entry.flag_bits & _ENCRYPTED for entry in entries):
        raise EncryptedDocument
    if len(entries) > MAX_ENTRIES:
        raise DocumentTooLarge(
            f"The file has {len(entries)} parts and the limit is {MAX_ENTRIES}; split it."
        )
    is_bomb = unpacked_bytes > max(_HARMLESS_BYTES, packed_bytes * MAX_RATIO)
    if is_bomb or unpacked_bytes > MAX_UNPACKED_BYTES:
        raise DocumentTooLarge(
            f"The file unpacks from {packed_bytes} to {unpacked_bytes} bytes, which is over the "
            "limit; split it and upload the parts."
        )


def _check_real_size(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    """Unpack the entry to nowhere; refuse it when it is larger than it declares."""
    unbounded = copy.copy(entry)
    unbounded.file_size = MAX_UNPACKED_BYTES
    unpacked = 0
    with archive.open(unbounded) as stream:
        while step := stream.read(_STEP):
            unpacked += len(step)
            if unpacked > entry.file_size:
                raise DocumentTooLarge(
                    "A part of the file unpacks to more than it declares; upload an intact copy."
                )
