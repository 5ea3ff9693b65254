"""The blob store that a URL names."""

from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

from obstore.exceptions import BaseError
from obstore.store import LocalStore, from_url

from contracts.errors import Misconfigured
from providers.blobs.local_folder import LocalFolderBlobs
from providers.blobs.object_store import ObjectStoreBlobs
from providers.blobs.protocol import BlobStore
from runtime.settings import Settings

_CLOUDS = frozenset({"s3", "s3a", "gs", "az", "azure", "abfs", "abfss"})
#: Short: whoever calls retries by rules of its own.
_PATIENCE = timedelta(seconds=20)


def create_blobs(url: str) -> BlobStore:
    """Return the store at ``url``: ``file:///folder``, ``s3://``, ``gs://`` or ``az://``.

    A local folder is created, readable by its owner only. Credentials of clouds come from where
    their own tools take them. Connects to nothing. ``Misconfigured`` when the URL is none.
    """
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.netloc in {"", "localhost"} and parts.path.startswith("/"):
        folder = Path(unquote(parts.path))
        return LocalFolderBlobs(_local_store(folder), folder)
    if parts.scheme not in _CLOUDS or not parts.netloc:
        raise Misconfigured(
            "BLOB_URL is wrong: it must look like file:///folder, s3://bucket/prefix, "
            "gs://bucket/prefix or az://container/prefix."
        )
    try:
        store = from_url(
            url,
            client_options={"timeout": _PATIENCE, "connect_timeout": timedelta(seconds=5)},
            retry_config={"max_retries": 2, "retry_timeout": _PATIENCE},
        )
    except (BaseError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise Misconfigured(f"BLOB_URL is wrong: {reason}") from error
    return ObjectStoreBlobs(store)


def configured_blobs(settings: Settings) -> BlobStore:
    """Return the store that BLOB_URL names; ``Misconfigured`` when it is missing or wrong."""
    if settings.blob_url is None:
        raise Misconfigured("BLOB_URL is missing: where are files kept?")
    return create_blobs(settings.blob_url)


def _local_store(folder: Path) -> LocalStore:
    try:
        if not folder.is_dir():  # a folder that was there is somebody's, with their permissions
            folder.mkdir(mode=0o700, parents=True)
            folder.chmod(0o700)
        return LocalStore(folder, automatic_cleanup=True)
    except (OSError, BaseError, ValueError) as error:
        raise Misconfigured(f"BLOB_URL names a folder that cannot be used: {error}") from error
