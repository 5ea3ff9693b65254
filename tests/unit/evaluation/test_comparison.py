from pathlib import Path

import msgspec
import pytest

from evaluation import (
    EvaluationFailed,
    Split,
    compare,
    has_fallen,
    read_evaluation,
    save_evaluation,
)
from evaluation.results import Evaluation, Leg, Measured, Scores, Way

HYBRID = Way(Leg.hybrid, threshold=True, neighbours=True)
VECTOR = Way(Leg.vector, threshold=True, neighbours=True)


def measured(way: Way, recalls: list[float], *, iou: float | None = 0.2) -> Measured:
    questions = [
        Scores(
            question=str(number),
            recall=recall,
            precision=0.1,
            iou=iou,
            ndcg=0.3,
            reciprocal_rank=0.4,
            characters=500,
            milliseconds=2.0,
        )
        for number, recall in enumerate(recalls)
    ]
    return Measured(
        way=way,
        recall=sum(recalls) / len(recalls),
        precision=0.1,
        iou=iou,
        ndcg=0.3,
        mrr=0.4,
        p50_ms=2.0,
        p95_ms=3.0,
        characters=500.0,
        without_context=0,
        questions=questions,
    )


def evaluation(*ways: Measured) -> Evaluation:
    return Evaluation(
        dataset="tests",
        digest="d1",
        split=Split.all,
        documents=1,
        questions=2,
        references=2,
        unlocated=[],
        missing_documents=[],
        chunks=5,
        context_characters=6000,
        embedding_model="words",
        threshold=0.4,
        measured=list(ways),
    )


def test_compares_the_ways_that_both_have() -> None:
    before = evaluation(measured(HYBRID, [1.0, 0.5, 0.2]))
    now = evaluation(measured(VECTOR, [0, 0, 0]), measured(HYBRID, [0.5, 0.5, 0.3], iou=None))

    (difference,) = compare(before, now)

    assert difference.way == HYBRID
    assert difference.recall == pytest.approx(-0.4 / 3)
    assert (difference.better, difference.worse) == (1, 1)
    assert difference.iou is None
    assert has_fallen(difference, 0.1)
    assert not has_fallen(difference, 0.2)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"digest": "d2"}, "documents and questions"),
        ({"chunks": 6}, "number of chunks"),
        ({"context_characters": 4000}, "characters of context"),
        ({"measured": [measured(VECTOR, [1, 1])]}, "no way to search in common"),
    ],
)
def test_does_not_compare_what_was_measured_otherwise(change: dict[str, object], said: str) -> None:
    before = evaluation(measured(HYBRID, [1, 1]))

    with pytest.raises(EvaluationFailed, match=said):
        compare(before, msgspec.structs.replace(before, **change))


def test_reads_what_was_saved(tmp_path: Path) -> None:
    saved = evaluation(measured(HYBRID, [1.0, 0.25]))
    save_evaluation(saved, tmp_path / "saved.json")

    assert read_evaluation(tmp_path / "saved.json") == saved


def test_says_when_a_file_is_no_evaluation(tmp_path: Path) -> None:
    with pytest.raises(EvaluationFailed, match="cannot be read: No such file"):
        read_evaluation(tmp_path / "saved.json")
    (tmp_path / "saved.json").write_text("{}", encoding="utf-8")
    with pytest.raises(EvaluationFailed, match="is no evaluation that"):
        read_evaluation(tmp_path / "saved.json")
