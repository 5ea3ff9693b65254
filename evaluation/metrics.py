"""The measures of a retrieval, as pure functions of what is relevant and what was found."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from evaluation.ranges import Spans, intersection, length


@dataclass(frozen=True, slots=True)
class Overlap:
    """How far the characters found are those that answer.

    Chunking Evaluation (Smith and Troynikov, 2024) counts tokens so; these are characters.
    """

    #: Of what answers, the part that was found.
    recall: float
    #: Of what was found, the part that answers; 0 where nothing was found.
    precision: float
    #: What was found and answers, of what does either; None where no characters are known.
    iou: float | None


def overlap(relevant: Spans, found: Spans, *, missing: int = 0) -> Overlap:
    """Compare characters; ``missing`` of the relevant ones are in no document and never found."""
    hit = sum(
        length(intersection(ranges, found.get(document, [])))
        for document, ranges in relevant.items()
    )
    wanted = sum(map(length, relevant.values())) + missing
    got = sum(map(length, found.values()))
    return Overlap(
        recall=_ratio(hit, wanted),
        precision=_ratio(hit, got),
        iou=_ratio(hit, wanted + got - hit),
    )


def ndcg(gains: Sequence[float], ideal: Iterable[float], *, depth: int = 10) -> float:
    """Return the normalised discounted cumulative gain of the first ``depth`` results.

    Gains are linear and discounts are log2(rank + 1), as trec_eval has them. ``ideal`` has the
    gain of everything relevant, in any order.
    """
    best = _discounted(sorted(ideal, reverse=True)[:depth])
    return _discounted(gains[:depth]) / best if best > 0 else 0.0


def reciprocal_rank(gains: Sequence[float], *, depth: int = 10) -> float:
    """Return 1 / rank of the first relevant result; 0 where the first ``depth`` have none."""
    ranks = (rank for rank, gain in enumerate(gains[:depth], start=1) if gain > 0)
    return next((1 / rank for rank in ranks), 0.0)


def mean(values: Iterable[float]) -> float:
    """Return the arithmetic mean; 0 of nothing."""
    listed = list(values)
    return math.fsum(listed) / len(listed) if listed else 0.0


def percentile(values: Iterable[float], percent: float) -> float:
    """Return the least value that ``percent`` of the values do not exceed; 0 of nothing."""
    ordered = sorted(values)
    if not ordered:
        return 0.0
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def _discounted(gains: Iterable[float]) -> float:
    return math.fsum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, start=1))


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
