"""`ragline eval` on the real product: what is measured is what was found."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from evaluation import read_evaluation
from evaluation.results import Evaluation, Leg, Measured, Way
from tests.fixtures.stack import Running

#: Paragraphs about things that have no word in common, five sentences each.
PARAGRAPHS = {
    "What do herons eat?": (
        "The heron stands in the reeds. It waits for a long time. Herons eat frogs and small fish. "
        "Their beaks are yellow. In spring they return to the same nest."
    ),
    "When was the tram line to Aldermoor opened?": (
        "A tram needs two rails and a wire. The tram line to Aldermoor was opened in 1902. "
        "Its carriages were painted green. A ticket cost one penny. Horses had pulled them before."
    ),
    "How is rose-hip tea made?": (
        "Rose hips ripen after the first frost. Their seeds itch. For rose-hip tea the shells are "
        "dried and boiled for ten minutes. Sugar is added last. The tea tastes sour."
    ),
}
ANSWERS = ("frogs and small fish", "was opened in 1902", "dried and boiled for ten minutes")


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    # Blank lines and line ends that the parser changes come before the last two answers.
    text = "\r\n\r\n\r\n\r\n".join(PARAGRAPHS.values())
    (tmp_path / "fell.md").write_bytes(text.encode())
    rows = (
        f"{question},fell.md,{answer}" for question, answer in zip(PARAGRAPHS, ANSWERS, strict=True)
    )
    table = tmp_path / "fell.csv"
    table.write_text("\n".join(["question,document,quote", *rows]), encoding="utf-8")
    return table


def run(running: Running, *arguments: str | Path) -> Result:
    access = running.access
    target = ("--url", running.url, "--email", access.email, "--password-stdin")
    given = ["eval", *map(str, arguments), *target]
    return CliRunner().invoke(app, given, input=access.password)


def way_of(evaluation: Evaluation, leg: Leg, *, neighbours: bool) -> Measured:
    way = Way(leg, threshold=False, neighbours=neighbours)
    return next(one for one in evaluation.measured if one.way == way)


def test_measures_what_questions_find_in_real_documents(
    running: Running, questions: Path, tmp_path: Path
) -> None:
    saved = tmp_path / "saved.json"

    first = run(running, questions, "--chunks", "1", "--json", saved)
    assert first.exit_code == 0, first.output
    evaluation = read_evaluation(saved)
    assert (evaluation.questions, evaluation.references) == (3, 3)
    assert evaluation.unlocated == []
    for leg in Leg:
        alone = way_of(evaluation, leg, neighbours=False)
        assert (alone.recall, alone.ndcg, alone.mrr) == (1, 1, 1), leg
        assert all(one.milliseconds > 0 for one in alone.questions)
        lengths = [
            len(answer) / len(text)
            for answer, text in zip(ANSWERS, PARAGRAPHS.values(), strict=True)
        ]
        assert alone.precision == pytest.approx(sum(lengths) / 3, abs=0.01)
        assert way_of(evaluation, leg, neighbours=True).characters > 2 * alone.characters

    again = run(running, questions, "--chunks", "1", "--compare", saved, "--delete")
    assert again.exit_code == 0, again.output
    assert "Deleted 1 documents." in again.stderr
