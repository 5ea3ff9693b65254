"""Brings a data set's references to the documents as the server has them."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from evaluation.alignment import ParsedText
from evaluation.dataset import Dataset, Question, Reference, SourceDocument
from evaluation.failures import MissingDocuments
from evaluation.judging import DocumentJudge, Judge, PassageJudge, touches
from evaluation.ranges import Range, union
from evaluation.results import Unlocated
from evaluation.server import Client, StoredDocument, chunks_of, documents_of

#: Characters of a quote that identify it for a person.
_SHOWN = 80


@dataclass
class Located:
    """The judges of all questions, in their order, and what could not be located."""

    judges: list[Judge] = field(default_factory=list[Judge])
    unlocated: list[Unlocated] = field(default_factory=list[Unlocated])
    missing_documents: list[str] = field(default_factory=list[str])


async def locate(client: Client, dataset: Dataset, knowledge_base: str | None) -> Located:
    """Find the documents of a data set by their content, else by name, and their references.

    Raises ``MissingDocuments`` when a document without a file, or every document, is not there.
    """
    documents = await _find_documents(client, dataset, knowledge_base)
    located = Located(
        missing_documents=[one.name for one in dataset.documents if one.name not in documents]
    )
    texts = await _read_texts(client, dataset, documents) if dataset.has_passages else {}
    for question in dataset.questions:
        if dataset.has_passages:
            judge: Judge = _passages(question, documents, texts, located)
        else:
            judge = _documents(question, documents, located)
        located.judges.append(judge)
    return located


async def _find_documents(
    client: Client, dataset: Dataset, knowledge_base: str | None
) -> dict[str, str]:
    """Return the ids of the documents that are indexed, by what references call them."""
    stored = [one async for one in documents_of(client, knowledge_base) if one.is_indexed]
    by_content = {one.sha256: one.document_id for one in stored}
    place = "your documents" if knowledge_base is None else f"the knowledge base {knowledge_base}"
    found = {
        one.name: by_content[one.sha256] if one.sha256 else _by_name(one, stored, place)
        for one in dataset.documents
        if one.sha256 is None or one.sha256 in by_content
    }
    if not found:
        raise MissingDocuments(
            f"None of the {len(dataset.documents)} documents of the data set is indexed in {place}."
        )
    return found


def _by_name(wanted: SourceDocument, stored: Iterable[StoredDocument], place: str) -> str:
    named = [one for one in stored if one.filename == wanted.filename]
    if len(named) == 1:
        return named[0].document_id
    if named:
        raise MissingDocuments(
            f"There are {len(named)} documents named {wanted.filename!r} in {place}; put the file "
            "beside the questions, so that it is clear which."
        )
    raise MissingDocuments(
        f"{wanted.name!r} is neither a file beside the questions nor a document that is indexed in "
        f"{place}; name another place with --knowledge-base, or add the file."
    )


async def _read_texts(
    client: Client, dataset: Dataset, documents: dict[str, str]
) -> dict[str, ParsedText]:
    """Return the parsed texts that references are about."""
    named = {one.document for question in dataset.questions for one in question.references}
    return {
        documents[name]: ParsedText([chunk async for chunk in chunks_of(client, documents[name])])
        for name in sorted(named)
        if name in documents
    }


def _passages(
    question: Question, documents: dict[str, str], texts: dict[str, ParsedText], located: Located
) -> PassageJudge:
    ranges: dict[str, list[Range]] = {}
    missing = 0
    for reference in question.references:
        document = documents.get(reference.document)
        place = texts[document].locate(reference) if document is not None else None
        if document is None or place is None:
            located.unlocated.append(_unlocated(reference))
            missing += _length(reference)
        else:
            ranges.setdefault(document, []).append(place)
    relevant = {document: union(found) for document, found in ranges.items()}
    return PassageJudge(
        relevant=relevant,
        missing=missing,
        relevant_chunks=sum(
            touches((piece.char_start, piece.char_end), found)
            for document, found in relevant.items()
            for piece in texts[document].pieces
        ),
    )


def _documents(question: Question, documents: dict[str, str], located: Located) -> DocumentJudge:
    grades: dict[str, int] = {}
    missing: list[int] = []
    for reference in question.references:
        document = documents.get(reference.document)
        if document is None:
            located.unlocated.append(_unlocated(reference))
            missing.append(reference.relevance)
        else:  # two documents with the same text are one
            grades[document] = max(reference.relevance, grades.get(document, 0))
    return DocumentJudge(grades=grades, missing=missing)


def _unlocated(reference: Reference) -> Unlocated:
    quote = None if reference.quote is None else " ".join(reference.quote.split())[:_SHOWN]
    return Unlocated(place=reference.place, document=reference.document, quote=quote)


def _length(reference: Reference) -> int:
    if reference.span is not None:
        return reference.span[1] - reference.span[0]
    return len(reference.quote or "")
