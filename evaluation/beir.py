"""The layout of BEIR: ``corpus.jsonl``, ``queries.jsonl`` and relevances in ``qrels/*.tsv``."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from evaluation.dataset import Dataset, Question, Reference, SourceDocument
from evaluation.failures import UnusableDataset
from evaluation.rows import read_json_lines, read_table

#: The relevances that are taken when several are there and none is named.
DEFAULT_QRELS = "test"
_COLUMNS = ("query-id", "corpus-id", "score")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_NAME_CHARACTERS = 100


class _Entry(msgspec.Struct, frozen=True):
    #: Some data sets write numbers.
    key: str | int = msgspec.field(name="_id")
    text: str = ""
    title: str = ""

    @property
    def id(self) -> str:
        return str(self.key)


def is_beir(folder: Path) -> bool:
    """Tell whether a folder has this layout."""
    return (folder / "corpus.jsonl").is_file()


def read_beir(folder: Path, *, qrels: str | None = None) -> Dataset:
    """Return the data set with the questions that ``qrels/{qrels}.tsv`` has relevances for.

    A document's text is its title, a blank line and its text.
    """
    documents = {one.name: one for one in _read_documents(folder / "corpus.jsonl")}
    queries = _read_queries(folder / "queries.jsonl")
    references: dict[str, list[Reference]] = {}
    for query_id, reference in _read_qrels(_chosen(folder / "qrels", qrels)):
        if query_id not in queries:
            raise UnusableDataset(f"{reference.place}: no query has the _id {query_id!r}.")
        if reference.document not in documents:
            raise UnusableDataset(
                f"{reference.place}: no document has the _id {reference.document!r}."
            )
        if reference.relevance > 0:
            references.setdefault(query_id, []).append(reference)
    questions = (
        Question(question_id=query_id, text=queries[query_id], references=tuple(found))
        for query_id, found in references.items()
    )
    return Dataset(
        name=folder.resolve().name, documents=tuple(documents.values()), questions=tuple(questions)
    )


def _read_documents(path: Path) -> Iterator[SourceDocument]:
    seen: set[str] = set()
    for entry, place in read_json_lines(path, _Entry):
        if entry.id in seen:
            raise UnusableDataset(f"{place}: the _id {entry.id!r} is there twice.")
        seen.add(entry.id)
        text = "\n\n".join(filter(str.strip, (entry.title, entry.text)))
        content = text.encode(errors="replace")
        yield SourceDocument(
            name=entry.id,
            filename=f"{_UNSAFE.sub('-', entry.id)[:_NAME_CHARACTERS]}.txt",
            text=text,
            sha256=hashlib.sha256(content).hexdigest(),
        )


def _read_queries(path: Path) -> dict[str, str]:
    queries: dict[str, str] = {}
    for entry, place in read_json_lines(path, _Entry):
        if not entry.text.strip():
            raise UnusableDataset(f"{place}: the query {entry.id!r} has no text.")
        queries[entry.id] = entry.text
    return queries


def _chosen(folder: Path, name: str | None) -> Path:
    found = sorted(folder.glob("*.tsv"))
    wanted = next((path for path in found if path.stem == (name or DEFAULT_QRELS)), None)
    if wanted is not None:
        return wanted
    if name is None and len(found) == 1:
        return found[0]
    there = ", ".join(path.stem for path in found) or "none"
    raise UnusableDataset(
        f"{folder / f'{name or DEFAULT_QRELS}.tsv'} is not there; choose one with --qrels "
        f"(there: {there})."
    )


def _read_qrels(path: Path) -> Iterator[tuple[str, Reference]]:
    for row in read_table(path, columns=_COLUMNS, delimiter="\t"):
        score = row.required("score")
        try:
            relevance = int(score)
        except ValueError:
            raise UnusableDataset(
                f"{row.place}: the score {score!r} is not a whole number."
            ) from None
        reference = Reference(
            document=row.required("corpus-id"), relevance=relevance, place=row.place
        )
        yield row.required("query-id"), reference
