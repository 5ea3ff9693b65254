"""Files of a data set that are ingested as they are."""

import hashlib
from pathlib import Path

from evaluation.dataset import SourceDocument
from evaluation.failures import UnusableDataset


def source_file(path: Path, *, name: str) -> SourceDocument:
    """Return a file as a document that references call ``name``."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
    except OSError as error:
        raise UnusableDataset(f"{path} cannot be read: {error.strerror}.") from error
    return SourceDocument(name=name, filename=path.name, path=path, sha256=digest.hexdigest())
