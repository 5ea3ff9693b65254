"""The layout of Chroma's chunking evaluation: ``questions.csv`` beside one file for each corpus."""

from pathlib import Path

import msgspec

from evaluation.dataset import Dataset, Question, Reference, SourceDocument
from evaluation.failures import UnusableDataset
from evaluation.files import source_file
from evaluation.rows import Row, read_json, read_table, read_text
from evaluation.squeezing import squeezed_length

QUESTIONS = "questions.csv"
COLUMNS = ("question", "references", "corpus_id")
_SUFFIXES = (".md", ".txt")


class _Excerpt(msgspec.Struct, frozen=True):
    content: str
    start_index: int
    end_index: int


def read_corpora(table: Path) -> Dataset:
    """Return the data set of a table; each reference is the quote at its span of the corpus."""
    corpora = _Corpora(table.parent)
    questions: list[Question] = []
    for number, row in enumerate(read_table(table, columns=COLUMNS), start=1):
        excerpts = read_json(row.required("references"), list[_Excerpt], row.place)
        if not excerpts:
            raise UnusableDataset(f"{row.place}: the question has no references.")
        name = row.required("corpus_id")
        references = tuple(corpora.reference(name, excerpt, row) for excerpt in excerpts)
        questions.append(
            Question(question_id=str(number), text=row.required("question"), references=references)
        )
    return Dataset(
        name=table.resolve().parent.name, documents=corpora.documents, questions=tuple(questions)
    )


class _Corpora:
    """The corpora that questions name, each read once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._texts: dict[str, str] = {}
        self._files: dict[str, SourceDocument] = {}

    @property
    def documents(self) -> tuple[SourceDocument, ...]:
        """What was named so far."""
        return tuple(self._files.values())

    def reference(self, corpus: str, excerpt: _Excerpt, row: Row) -> Reference:
        """Return what an excerpt refers to; the text at its span has to be its content."""
        text = self._text(corpus, row)
        start, end = excerpt.start_index, excerpt.end_index
        if start < 0 or text[start:end] != excerpt.content or not excerpt.content.strip():
            raise UnusableDataset(
                f"{row.place}: {self._files[corpus].filename} has another text from {start} to "
                f"{end} than the reference says ({excerpt.content[:40]!r}…)."
            )
        return Reference(
            document=corpus,
            quote=excerpt.content,
            after=squeezed_length(text[:start]),
            place=row.place,
        )

    def _text(self, corpus: str, row: Row) -> str:
        if corpus not in self._texts:
            paths = (self._folder / f"{corpus}{suffix}" for suffix in _SUFFIXES)
            path = next((path for path in paths if path.is_file()), None)
            if path is None:
                raise UnusableDataset(
                    f"{row.place}: there is no corpus {self._folder / corpus}.md or .txt."
                )
            self._texts[corpus] = read_text(path)
            self._files[corpus] = source_file(path, name=corpus)
        return self._texts[corpus]
