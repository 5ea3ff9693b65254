"""Recognises the layout of a data set."""

from pathlib import Path

from evaluation.beir import is_beir, read_beir
from evaluation.corpora import COLUMNS as CORPORA_COLUMNS
from evaluation.corpora import QUESTIONS, read_corpora
from evaluation.dataset import Dataset
from evaluation.failures import UnusableDataset
from evaluation.questions import read_questions
from evaluation.rows import read_columns


def read_dataset(path: Path, *, qrels: str | None = None) -> Dataset:
    """Return a data set; ``qrels`` names the relevances of BEIR's layout.

    ``path`` is a folder in BEIR's layout, a folder with ``questions.csv``, or a table of
    questions. Raises ``UnusableDataset`` with the file, the line and what is wrong.
    """
    dataset = _read(path, qrels)
    if not dataset.questions:
        raise UnusableDataset(f"{path} has no questions with something that answers them.")
    return dataset


def _read(path: Path, qrels: str | None) -> Dataset:
    if is_beir(path):
        return read_beir(path, qrels=qrels)
    if qrels is not None:
        raise UnusableDataset(f"--qrels is for BEIR's layout; {path} has no corpus.jsonl.")
    table = path / QUESTIONS if path.is_dir() else path
    if not table.is_file():
        raise UnusableDataset(
            f"{path} is no data set: it has neither corpus.jsonl nor {QUESTIONS}, and is no CSV of "
            "questions."
        )
    if set(CORPORA_COLUMNS) <= set(read_columns(table)):
        return read_corpora(table)
    return read_questions(table)
