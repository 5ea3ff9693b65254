import json
from pathlib import Path

import pytest
from typer.testing import Result

from tests.fixtures.scripted_api import Refusal, ScriptedApi
from tests.fixtures.searching import Served
from tests.integration.cli.conftest import Ragline

TEXT = "Backups are kept for ninety days.\nThe key is in the blue drawer.\n"
UPLOADS, SEARCHES = "/api/v2/upload", "/api/v2/search"


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    """Two questions about one document, in a file beside it."""
    folder = tmp_path / "My questions"
    folder.mkdir()
    (folder / "handbook.md").write_text(TEXT, encoding="utf-8")
    table = folder / "questions.csv"
    table.write_text(
        "question,document,quote\n"
        "How long are backups kept?,handbook.md,kept for ninety days\n"
        "Where is the key?,handbook.md,in the blue drawer\n",
        encoding="utf-8",
    )
    return table


def rows(result: Result) -> dict[str, list[str]]:
    """The table's cells by leg."""
    lines = result.stdout.splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith("leg "))
    return {cells[0]: cells[1:] for cells in map(str.split, lines[start + 1 :]) if cells}


def test_ingests_asks_and_prints_what_was_found(
    ragline: Ragline, stack: ScriptedApi, questions: Path
) -> None:
    result = ragline("eval", questions, "--shipped")

    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(
        "My questions: 2 questions, 1 documents, words, threshold 0.4, at most 5 chunks and 6,000 "
        "characters of context.\n\n"
        "leg      threshold  neighbours  recall  precision    IoU  nDCG@10  MRR@10  p50 ms  p95 ms"
    )
    assert rows(result)["hybrid"][:3] == ["yes", "yes", "1.000"]
    assert list(rows(result)) == ["vector", "lexical", "hybrid"]
    (served,) = stack.documents.values()
    assert served.knowledge_base.startswith("eval-My-questions-")
    assert all(
        seen.json["filters"] == {"knowledge_base": served.knowledge_base}
        for seen in stack.asked(SEARCHES)
    )


def test_a_second_run_uploads_nothing(
    ragline: Ragline, stack: ScriptedApi, questions: Path
) -> None:
    assert ragline("eval", questions, "--shipped").exit_code == 0
    assert ragline("eval", questions, "--shipped").exit_code == 0

    assert len(stack.asked(UPLOADS)) == 1


def test_a_document_that_changed_is_searched_alone(
    ragline: Ragline, stack: ScriptedApi, questions: Path
) -> None:
    assert ragline("eval", questions, "--shipped").exit_code == 0
    (questions.parent / "handbook.md").write_text(TEXT + "More.\n", encoding="utf-8")

    assert ragline("eval", questions, "--shipped").exit_code == 0

    assert len({one.knowledge_base for one in stack.documents.values()}) == 2


def test_deletes_afterwards_what_it_uploaded(
    ragline: Ragline, stack: ScriptedApi, questions: Path
) -> None:
    stack.documents["other"] = Served("other.md", b"Something else.", document_id="other")

    result = ragline("eval", questions, "--shipped", "--delete")

    assert result.exit_code == 0
    assert "Deleted 1 documents." in result.stderr
    assert list(stack.documents) == ["other"]


def test_saves_and_compares(
    ragline: Ragline, stack: ScriptedApi, questions: Path, tmp_path: Path
) -> None:
    saved = tmp_path / "saved.json"
    assert ragline("eval", questions, "--json", saved).exit_code == 0
    assert len(json.loads(saved.read_text(encoding="utf-8"))["measured"]) == 12

    result = ragline("eval", questions, "--leg", "hybrid", "--compare", saved)
    assert result.exit_code == 0
    assert "\nSince then:\n" in result.stdout
    assert rows(result)["hybrid"][2] == "+0.000"

    result = ragline("eval", questions, "--shipped", "--threshold", "0.95", "--compare", saved)
    assert result.exit_code == 1
    assert "Recall fell by more than 0.01 (vector with threshold, with neighbours: -" in (
        result.stderr
    )
    result = ragline(
        *("eval", questions, "--shipped", "--threshold", "0.95"),
        *("--compare", saved, "--tolerance", "1"),
    )
    assert result.exit_code == 0
    assert stack.asked(UPLOADS)


def test_waits_as_it_is_told(ragline: Ragline, stack: ScriptedApi, questions: Path) -> None:
    busy = Refusal(SEARCHES, 429, "rate_limited", "Too many.", {"Retry-After": "0"})
    stack.refusals += [busy] * 3

    assert ragline("eval", questions, "--shipped").exit_code == 0
    # Three legs, and for each question a ranking and a context; three were refused first.
    assert len(stack.asked(SEARCHES)) == 2 * 3 * 2 + 3


def test_names_what_is_not_in_the_documents(
    ragline: Ragline, stack: ScriptedApi, questions: Path
) -> None:
    with questions.open("a", encoding="utf-8") as table:
        table.write("Who painted the dome?,handbook.md,Nobody knows\n")

    result = ragline("eval", questions, "--shipped")

    assert result.exit_code == 0
    assert "1 of 3 references are not in the indexed text and count as not found:" in result.stdout
    assert f"{questions}, line 4, handbook.md: “Nobody knows”" in result.stdout
    assert rows(result)["hybrid"][2] == "0.667"
    assert stack.documents


def test_names_a_document_that_could_not_be_indexed(
    ragline: Ragline, stack: ScriptedApi, questions: Path
) -> None:
    (questions.parent / "bad.md").write_text("hopeless", encoding="utf-8")
    with questions.open("a", encoding="utf-8") as table:
        table.write("Who painted the dome?,bad.md,hopeless\n")

    result = ragline("eval", questions, "--shipped")

    assert result.exit_code == 0
    assert "bad.md: The file has no text." in result.stderr
    assert "1 documents are not indexed" in result.stdout
    assert stack.documents


def test_asks_about_documents_that_were_ingested_before(
    ragline: Ragline, stack: ScriptedApi, questions: Path
) -> None:
    (questions.parent / "handbook.md").unlink()
    stack.documents["known"] = Served("handbook.md", TEXT.encode(), document_id="known")

    result = ragline("eval", questions, "--shipped")

    assert result.exit_code == 0
    assert rows(result)["hybrid"][2] == "1.000"
    assert not stack.asked(UPLOADS)
    refused = ragline("eval", questions, "--delete")
    assert refused.exit_code == 1
    assert "--delete is for documents that the data set brings" in refused.stderr
    assert list(stack.documents) == ["known"]


def test_says_where_the_same_bytes_are_already(
    ragline: Ragline, stack: ScriptedApi, questions: Path
) -> None:
    document = stack.take("old-name.md", TEXT.encode(), "kitchen")["document_id"]

    result = ragline("eval", questions, "--shipped")
    assert result.exit_code == 1
    assert "old-name.md: in the knowledge base kitchen already" in result.stderr

    assert ragline("eval", questions, "--shipped", "--knowledge-base", "kitchen").exit_code == 0
    assert list(stack.documents) == [document]


def test_reads_beir(ragline: Ragline, stack: ScriptedApi, tmp_path: Path) -> None:
    folder = tmp_path / "beir"
    (folder / "qrels").mkdir(parents=True)
    corpus = [
        {"_id": "d/1", "title": "Backups", "text": "Backups are kept for ninety days."},
        {"_id": "d/2", "text": "The key is in the blue drawer."},
        {"_id": "d/3", "text": ""},
    ]
    (folder / "corpus.jsonl").write_text("\n".join(map(json.dumps, corpus)), encoding="utf-8")
    (folder / "queries.jsonl").write_text('{"_id": "q", "text": "blue key"}', encoding="utf-8")
    (folder / "qrels" / "test.tsv").write_text(
        "query-id\tcorpus-id\tscore\nq\td/2\t1\n", encoding="utf-8"
    )

    result = ragline("eval", folder, "--shipped")

    assert result.exit_code == 0, result.output
    assert rows(result)["hybrid"][2:7] == ["1.000", "1.000", "-", "1.000", "1.000"]
    assert sorted(one.filename for one in stack.documents.values()) == ["d-1.txt", "d-2.txt"]


def test_a_wrong_data_set_is_one_sentence(
    ragline: Ragline, stack: ScriptedApi, questions: Path
) -> None:
    questions.write_text("question,document\n,handbook.md\n", encoding="utf-8")

    result = ragline("eval", questions)

    assert result.exit_code == 1
    assert result.stderr == f"{questions}, line 2: the column 'question' is empty.\n"
    assert not stack.seen


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--delete", "--knowledge-base", "kitchen"), "--delete is for a knowledge base of"),
        (("--json", "absent/saved.json"), "There is no folder absent to save the results in."),
    ],
)
def test_wrong_usage_is_said_before_the_work(
    ragline: Ragline, stack: ScriptedApi, questions: Path, options: tuple[str, ...], said: str
) -> None:
    result = ragline("eval", questions, *options)

    assert result.exit_code == 2
    assert said in result.stderr
    assert not stack.seen


def test_an_earlier_run_that_cannot_be_read_is_said_before_the_work(
    ragline: Ragline, stack: ScriptedApi, questions: Path
) -> None:
    result = ragline("eval", questions, "--compare", questions)

    assert result.exit_code == 1
    assert "is no evaluation that `ragline eval --json` of this version saved" in result.stderr
    assert not stack.seen
