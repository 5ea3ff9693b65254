"""A table of one's own questions: a row for each passage, or document, that answers one."""

from collections.abc import Iterator
from pathlib import Path

from evaluation.dataset import Dataset, Question, Reference, SourceDocument
from evaluation.failures import UnusableDataset
from evaluation.files import source_file
from evaluation.rows import Row, read_table

COLUMNS = ("question", "document")


def read_questions(path: Path) -> Dataset:
    """Return the data set of a CSV with ``question``, ``document`` and what answers in it.

    That is a ``quote``, or ``char_start`` and ``char_end`` of the parsed text, as results and
    citations have them, or nothing: then the document as such is expected. Rows with the same
    question belong together. A document is a file beside the table, else one ingested before.
    """
    documents: dict[str, SourceDocument] = {}
    answers: dict[str, list[Reference]] = {}
    for row in read_table(path, columns=COLUMNS):
        name = row.required("document")
        if name not in documents:
            documents[name] = _document(path.parent / name, name)
        reference = _reference(name, row)
        answers.setdefault(row.required("question"), []).append(reference)
    _require_one_kind(answer for found in answers.values() for answer in found)
    questions = (
        Question(question_id=str(number), text=question, references=tuple(found))
        for number, (question, found) in enumerate(answers.items(), start=1)
    )
    return Dataset(
        name=_name(path), documents=tuple(documents.values()), questions=tuple(questions)
    )


def _name(path: Path) -> str:
    """A table with a name that says nothing is called as its folder."""
    return path.resolve().parent.name if path.stem == "questions" else path.stem


def _document(path: Path, name: str) -> SourceDocument:
    if path.is_file():
        return source_file(path, name=name)
    return SourceDocument(name=name, filename=Path(name).name)


def _reference(document: str, row: Row) -> Reference:
    quote = row.optional("quote")
    start, end = _number(row, "char_start"), _number(row, "char_end")
    if (start is None) != (end is None):
        raise UnusableDataset(f"{row.place}: 'char_start' and 'char_end' belong together.")
    if start is None or end is None:
        return Reference(document=document, quote=quote, place=row.place)
    if end <= start:
        raise UnusableDataset(f"{row.place}: the span from {start} to {end} has no characters.")
    return Reference(document=document, span=(start, end), place=row.place)


def _number(row: Row, column: str) -> int | None:
    value = row.optional(column)
    if value is None:
        return None
    if not value.isdecimal():
        raise UnusableDataset(
            f"{row.place}: {column!r} is {value!r} and not a number of characters."
        )
    return int(value)


def _require_one_kind(references: Iterator[Reference]) -> None:
    """Measure characters or documents: the two cannot be averaged."""
    kinds: dict[bool, str] = {}
    for reference in references:
        kinds.setdefault(reference.is_passage, reference.place)
    if len(kinds) > 1:
        raise UnusableDataset(
            f"{kinds[True]} names the passage that answers, {kinds[False]} does not; name it "
            "everywhere or nowhere."
        )
