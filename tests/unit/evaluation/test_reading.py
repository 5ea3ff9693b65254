import json
from pathlib import Path

import pytest

from evaluation.dataset import Dataset, Split
from evaluation.failures import UnusableDataset
from evaluation.reading import read_dataset

CORPUS = "Backups are kept.\n\nFor ninety days — at least."
REFERENCE = {"content": "ninety days — at", "start_index": 23, "end_index": 39}
QRELS = "query-id\tcorpus-id\tscore\n"


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode())
    return folder


def corpora(folder: Path, references: str, *, corpus: str = "handbook") -> Path:
    cell = references.replace('"', '""')
    table = f'question,references,corpus_id\n\nHow long?,"{cell}",{corpus}\n'
    return write(folder, {"handbook.md": CORPUS, "questions.csv": table})


def beir(folder: Path, *, qrels: str, name: str = "test", **files: str) -> Path:
    documents = {"_id": "d1", "title": "Backups", "text": "Ninety days."}, {"_id": "d 2/ä"}
    given = {
        "corpus": "\n".join(json.dumps(one) for one in documents),
        "queries": '{"_id": "q1", "text": "How long?", "metadata": {}}\n{"_id": 2, "text": "Who?"}',
        **files,
    }
    write(folder, {f"{name}.jsonl": content for name, content in given.items()})
    return write(folder, {f"qrels/{name}.tsv": QRELS + qrels})


def own(folder: Path, rows: str, *, columns: str = "question,document,quote") -> Path:
    write(folder, {"handbook.md": CORPUS, "mine.csv": f"{columns}\n{rows}"})
    return folder / "mine.csv"


def refusal(path: Path, *, qrels: str | None = None) -> str:
    with pytest.raises(UnusableDataset) as caught:
        read_dataset(path, qrels=qrels)
    return str(caught.value).replace(str(path), "…").replace(str(path.parent), "…")


def test_reads_corpora_with_spans(tmp_path: Path) -> None:
    dataset = read_dataset(corpora(tmp_path, json.dumps([REFERENCE])))

    (document,), (question,) = dataset.documents, dataset.questions
    assert (document.name, document.filename) == ("handbook", "handbook.md")
    assert question.text == "How long?"
    (reference,) = question.references
    assert reference.quote == "ninety days — at"
    assert reference.after == len("Backupsarekept.For")
    assert reference.place == f"{tmp_path / 'questions.csv'}, line 3"
    assert dataset.has_passages


def test_reads_beir(tmp_path: Path) -> None:
    dataset = read_dataset(beir(tmp_path, qrels="q1\td1\t2\nq1\td 2/ä\t1\n2\td1\t0\n"))

    first, empty = dataset.documents
    assert (first.name, first.filename, first.text) == ("d1", "d1.txt", "Backups\n\nNinety days.")
    assert empty.is_empty
    assert empty.filename == "d-2-.txt"
    (question,) = dataset.questions  # a relevance of 0 says that it does not answer
    assert [(one.document, one.relevance) for one in question.references] == [
        ("d1", 2),
        ("d 2/ä", 1),
    ]
    assert not dataset.has_passages


def test_takes_the_named_relevances(tmp_path: Path) -> None:
    beir(tmp_path, qrels="q1\td1\t1\n", name="dev")
    assert len(read_dataset(tmp_path).questions) == 1
    beir(tmp_path, qrels="q1\td1\t1\n2\td1\t1\n", name="train")

    assert "choose one with --qrels (there: dev, train)" in refusal(tmp_path)
    assert len(read_dataset(tmp_path, qrels="train").questions) == 2


def test_reads_ones_own_questions(tmp_path: Path) -> None:
    rows = 'Why?,handbook.md,"Backups, kept"\nWho?,other.pdf,nobody\nWhy?,other.pdf,because\n'
    dataset = read_dataset(own(tmp_path, rows))

    assert dataset.name == "mine"
    handbook, other = dataset.documents
    assert handbook.path == tmp_path / "handbook.md"
    assert (other.filename, other.path, other.sha256) == ("other.pdf", None, None)
    assert [question.text for question in dataset.questions] == ["Why?", "Who?"]
    assert [one.quote for one in dataset.questions[0].references] == ["Backups, kept", "because"]


def test_a_question_may_name_a_span_or_only_a_document(tmp_path: Path) -> None:
    columns = "Document, Question ,char_start,char_end"
    dataset = read_dataset(own(tmp_path, "handbook.md,Why?,3,9\n", columns=columns))
    assert dataset.questions[0].references[0].span == (3, 9)

    dataset = read_dataset(own(tmp_path, "handbook.md,Why?\n", columns="document,question"))
    assert not dataset.has_passages


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("Why?,,kept\n", "…, line 2: the column 'document' is empty."),
        (" ,handbook.md,kept\n", "…, line 2: the column 'question' is empty."),
        ("Why?,handbook.md,kept,for,long\n", "…, line 2: 5 cells under 3 columns; put"),
        ('Why?,handbook.md,"kept\n', "…, line 2: unexpected end of data."),
        ("Why?,handbook.md,kept\nWho?,handbook.md,\n", "…, line 2 names the passage that answers"),
        ("", "… has no questions with something that answers them."),
    ],
)
def test_names_the_line_of_a_wrong_question(tmp_path: Path, rows: str, said: str) -> None:
    assert refusal(own(tmp_path, rows)).startswith(said)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ("3,", "…, line 2: 'char_start' and 'char_end' belong together."),
        ("9,3", "…, line 2: the span from 9 to 3 has no characters."),
        ("a,3", "…, line 2: 'char_start' is 'a' and not a number of characters."),
    ],
)
def test_names_the_line_of_a_wrong_span(tmp_path: Path, cells: str, said: str) -> None:
    columns = "question,document,char_start,char_end"

    assert refusal(own(tmp_path, f"Why?,handbook.md,{cells}\n", columns=columns)) == said


def test_names_the_columns_that_are_missing(tmp_path: Path) -> None:
    said = refusal(own(tmp_path, "Why?,kept\n", columns="question,quote"))

    assert said == "…, line 1: there is no column 'document'; it has 'question', 'quote'."
    assert refusal(write(tmp_path / "empty", {"questions.csv": ""})).endswith(
        "is empty; its first line has to name the columns."
    )


@pytest.mark.parametrize(
    ("references", "corpus", "said"),
    [
        ("[]", "handbook", "…/questions.csv, line 3: the question has no references."),
        ("[", "handbook", "…/questions.csv, line 3: input data was truncated."),
        ('[{"content": "x"}]', "handbook", "line 3: object missing required field `start_index`"),
        (
            json.dumps([REFERENCE | {"start_index": 22}]),
            "handbook",
            "line 3: handbook.md has another text from 22 to 39 than the reference says",
        ),
        (json.dumps([REFERENCE]), "law", "line 3: there is no corpus …/law.md or .txt."),
    ],
)
def test_names_the_line_of_a_wrong_reference(
    tmp_path: Path, references: str, corpus: str, said: str
) -> None:
    assert said in refusal(corpora(tmp_path, references, corpus=corpus))


@pytest.mark.parametrize(
    ("files", "qrels", "said"),
    [
        ({"corpus": '{"_id": "d1"}\n{"_id": '}, "", "…/corpus.jsonl, line 2: input data was"),
        ({"corpus": '{"text": "a"}'}, "", "…/corpus.jsonl, line 1: object missing required field"),
        ({"corpus": '{"_id": "d"}\n{"_id": "d"}'}, "", "line 2: the _id 'd' is there twice."),
        ({"queries": '{"_id": "q1"}'}, "", "…/queries.jsonl, line 1: the query 'q1' has no text."),
        ({}, "q9\td1\t1\n", "…/qrels/test.tsv, line 2: no query has the _id 'q9'."),
        ({}, "q1\td9\t1\n", "…/qrels/test.tsv, line 2: no document has the _id 'd9'."),
        ({}, "q1\td1\tmuch\n", "…/qrels/test.tsv, line 2: the score 'much' is not a whole number."),
        ({}, "q1\td1\n", "…/qrels/test.tsv, line 2: the column 'score' is empty."),
    ],
)
def test_names_the_line_of_what_is_wrong_in_beir(
    tmp_path: Path, files: dict[str, str], qrels: str, said: str
) -> None:
    assert said in refusal(beir(tmp_path, qrels=qrels, **files))


def test_says_when_a_folder_is_no_data_set(tmp_path: Path) -> None:
    assert refusal(tmp_path).startswith("… is no data set: it has neither corpus.jsonl nor")
    assert refusal(tmp_path, qrels="test") == (
        "--qrels is for BEIR's layout; … has no corpus.jsonl."
    )
    assert refusal(tmp_path / "absent").startswith("… is no data set")


def test_says_which_byte_is_not_utf_8(tmp_path: Path) -> None:
    path = own(tmp_path, "")
    path.write_bytes(b"question,document\nWhy\xff?,a\n")

    assert refusal(path) == "…: byte 21 is not UTF-8; save the file as UTF-8."


def test_reads_files_as_spreadsheets_save_them(tmp_path: Path) -> None:
    path = own(tmp_path, "")
    path.write_bytes("\ufeffquestion,document,quote\r\nWhy?,handbook.md,kept\r\n".encode())

    assert read_dataset(path).questions[0].references[0].quote == "kept"


def test_a_question_stays_in_its_half(tmp_path: Path) -> None:
    rows = "".join(f"Question {number}?,handbook.md,kept\n" for number in range(100))
    dataset = read_dataset(own(tmp_path, rows))
    fitted, held_out = (dataset.part(half) for half in (Split.fitted, Split.held_out))

    assert 30 < len(fitted.questions) < 70
    assert len(fitted.questions) + len(held_out.questions) == 100
    turned = read_dataset(own(tmp_path, "".join(reversed(rows.splitlines(keepends=True)))))
    assert texts(turned.part(Split.fitted)) == texts(fitted)
    assert dataset.part(Split.all) == dataset


def texts(dataset: Dataset) -> set[str]:
    return {question.text for question in dataset.questions}


def test_the_digest_is_that_of_documents_questions_and_references(tmp_path: Path) -> None:
    digest = read_dataset(own(tmp_path, "Why?,handbook.md,kept\n")).digest

    assert read_dataset(own(tmp_path / "b", "Why?,handbook.md,kept\n")).digest == digest
    assert read_dataset(own(tmp_path / "c", "Why?,handbook.md,Backups\n")).digest != digest
    (tmp_path / "handbook.md").write_text("Backups are kept twice.", encoding="utf-8")
    assert read_dataset(tmp_path / "mine.csv").digest != digest
