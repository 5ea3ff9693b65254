"""Gets the documents of a data set into a knowledge base, and out of it again."""

import re
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from cli.client import Api
from cli.failures import CommandFailed
from cli.ingest_outcome import Outcome, State
from cli.ingest_report import Report
from cli.ingestion import Ingestion
from evaluation import Dataset
from evaluation.dataset import SourceDocument
from evaluation.server import StoredDocument, documents_of, read_document

#: Of a data set's name, in that of its knowledge base, which has 64 at most.
_NAME_CHARACTERS = 40
_DIGEST_CHARACTERS = 10
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_MOST_NAMED = 3


def own_knowledge_base(dataset: Dataset) -> str:
    """Return the name of the knowledge base that has these documents and no others."""
    name = _UNSAFE.sub("-", dataset.name)[:_NAME_CHARACTERS]
    return f"eval-{name}-{dataset.content_digest[:_DIGEST_CHARACTERS]}"


def has_all_files(dataset: Dataset) -> bool:
    """Tell whether the data set brings its documents, or asks about some ingested before."""
    return all(document.sha256 is not None for document in dataset.documents)


async def ingest_missing(api: Api, dataset: Dataset, knowledge_base: str, report: Report) -> None:
    """Upload the documents that the knowledge base does not have, and wait until they are indexed.

    What cannot be indexed is told to the report. Raises ``CommandFailed`` when some of them are
    in another knowledge base: the same bytes are kept once.
    """
    stored = [one async for one in documents_of(api, knowledge_base)]
    indexed = {one.sha256 for one in stored if one.is_indexed}
    missing = [one for one in dataset.documents if one.sha256 not in indexed and not one.is_empty]
    with TemporaryDirectory(prefix="ragline-eval-") as folder:
        files = [_file(one, Path(folder, str(at))) for at, one in enumerate(missing)]
        ingestion = Ingestion(api, report, form={"knowledge_base": knowledge_base}, wait=True)
        await ingestion.run(files)
    await _require_here(api, knowledge_base, ingestion.outcomes)


async def delete_documents(api: Api, dataset: Dataset, knowledge_base: str) -> int:
    """Delete the data set's documents that are in a knowledge base; return how many there were."""
    wanted = {one.sha256 for one in dataset.documents}
    found = [one async for one in documents_of(api, knowledge_base) if one.sha256 in wanted]
    for document in found:
        await api.delete(f"/api/v2/documents/{document.document_id}")
    return len(found)


def _file(document: SourceDocument, folder: Path) -> Path:
    """Return the document as a file: its own, or one that is written."""
    if document.path is not None:
        return document.path
    folder.mkdir()
    path = folder / document.filename
    path.write_bytes((document.text or "").encode(errors="replace"))
    return path


async def _require_here(api: Api, knowledge_base: str, outcomes: Iterable[Outcome]) -> None:
    """Documents that were there already may be there under another name."""
    ids = {one.document_id for one in outcomes if one.state is State.already_there}
    found = [await read_document(api, document_id) for document_id in ids if document_id]
    elsewhere = [one for one in found if one.knowledge_base != knowledge_base]
    if elsewhere:
        raise CommandFailed(_elsewhere_sentence(elsewhere))


def _elsewhere_sentence(documents: list[StoredDocument]) -> str:
    names = ", ".join(sorted(one.filename for one in documents)[:_MOST_NAMED])
    more = len(documents) - _MOST_NAMED
    places = sorted({one.knowledge_base for one in documents})
    return (
        f"{names}{f' and {more} more' if more > 0 else ''}: in the knowledge base "
        f"{', '.join(places)} already, and the same bytes are kept once. Measure there with "
        f"`--knowledge-base {places[0]}`, or use another tenant."
    )
