"""Compares an evaluation with an earlier one."""

from pathlib import Path

import msgspec

from evaluation.failures import Incomparable
from evaluation.results import Evaluation, Measured, Way

#: What has to be the same; anything else is what is compared.
_SAME = {
    "digest": "documents and questions",
    "chunks": "number of chunks",
    "context_characters": "characters of context",
}


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What changed for one way to search: now, less then."""

    way: Way
    recall: float
    precision: float
    iou: float | None
    ndcg: float
    mrr: float
    p50_ms: float
    #: Questions whose recall rose, and fell.
    better: int
    worse: int


def read_evaluation(path: Path) -> Evaluation:
    """Return an evaluation that was saved."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Evaluation)
    except OSError as error:
        raise Incomparable(f"{path} cannot be read: {error.strerror}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Incomparable(
            f"{path} is no evaluation that `ragline eval --json` of this version saved ({error})."
        ) from error


def save_evaluation(evaluation: Evaluation, path: Path) -> None:
    """Write an evaluation so that ``read_evaluation`` returns it; raises ``OSError``."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(evaluation), indent=1) + b"\n")


def compare(before: Evaluation, now: Evaluation) -> list[Difference]:
    """Return the differences of the ways that both have.

    Raises ``Incomparable`` when they did not measure the same, or have no way in common.
    """
    for name, said in _SAME.items():
        if getattr(before, name) != getattr(now, name):
            raise Incomparable(f"The two evaluations differ in their {said}.")
    earlier = {measured.way: measured for measured in before.measured}
    differences = [
        _difference(earlier[measured.way], measured)
        for measured in now.measured
        if measured.way in earlier
    ]
    if not differences:
        raise Incomparable("The two evaluations have no way to search in common.")
    return differences


def has_fallen(difference: Difference, tolerance: float) -> bool:
    """Tell whether recall fell by more than is tolerated."""
    return difference.recall < -tolerance


def _difference(before: Measured, now: Measured) -> Difference:
    changes = [
        after.recall - earlier.recall
        for earlier, after in zip(before.questions, now.questions, strict=True)
    ]
    return Difference(
        way=now.way,
        recall=now.recall - before.recall,
        precision=now.precision - before.precision,
        iou=None if now.iou is None or before.iou is None else now.iou - before.iou,
        ndcg=now.ndcg - before.ndcg,
        mrr=now.mrr - before.mrr,
        p50_ms=now.p50_ms - before.p50_ms,
        better=sum(change > 0 for change in changes),
        worse=sum(change < 0 for change in changes),
    )
