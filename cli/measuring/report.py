"""Prints what an evaluation measured, and what changed since an earlier one."""

from collections.abc import Iterable, Sequence

from cli.terminal import one_line, say
from evaluation import Difference, Evaluation
from evaluation.results import Measured, Unlocated, Way

#: References that could not be located and are named; `--json` has all of them.
_MOST_NAMED = 5
_WAY = ("leg", "threshold", "neighbours")
_MEASURES = ("recall", "precision", "IoU", "nDCG@10", "MRR@10")
_MEASURED = (*_WAY, *_MEASURES, "p50 ms", "p95 ms", "characters", "no context")
_DIFFERENCES = (*_WAY, *_MEASURES, "p50 ms", "better", "worse")


def print_evaluation(evaluation: Evaluation) -> None:
    """Print a line for each way that was asked in, under what was asked."""
    half = "" if evaluation.split == "all" else f" ({evaluation.split} half)"
    say(
        f"{one_line(evaluation.dataset)}: {evaluation.questions} questions{half}, "
        f"{evaluation.documents} documents, {evaluation.embedding_model}, threshold "
        f"{evaluation.threshold:g}, at most {evaluation.chunks} chunks and "
        f"{evaluation.context_characters:,} characters of context."
    )
    _print_missing(evaluation)
    say("")
    _print_table(_MEASURED, map(_cells, evaluation.measured))


def print_differences(differences: Sequence[Difference]) -> None:
    """Print a line for each way: now less then."""
    say("\nSince then:\n")
    _print_table(_DIFFERENCES, map(_changed, differences))


def fallen_sentence(fallen: Sequence[Difference], tolerance: float) -> str:
    """Return which recalls fell by more than was tolerated."""
    said = "; ".join(f"{_said(one.way)}: {one.recall:+.3f}" for one in fallen)
    return f"Recall fell by more than {tolerance:g} ({said})."


def _print_missing(evaluation: Evaluation) -> None:
    if evaluation.missing_documents:
        missing = evaluation.missing_documents
        names = one_line(", ".join(missing[:_MOST_NAMED]))
        say(
            f"{len(missing)} documents are not indexed, and what they answer counts as not found: "
            f"{names}{_more(missing)}"
        )
    if evaluation.unlocated:
        say(
            f"{len(evaluation.unlocated)} of {evaluation.references} references are not in the "
            "indexed text and count as not found:"
        )
        for reference in evaluation.unlocated[:_MOST_NAMED]:
            say(f"  {_unlocated(reference)}")
        if more := _more(evaluation.unlocated):
            say(f"  {more.strip()}")


def _unlocated(reference: Unlocated) -> str:
    quote = "" if reference.quote is None else f": “{one_line(reference.quote)}”"
    return f"{reference.place}, {one_line(reference.document)}{quote}"


def _more(listed: Sequence[object]) -> str:
    return f" … and {len(listed) - _MOST_NAMED} more" if len(listed) > _MOST_NAMED else ""


def _cells(one: Measured) -> list[str]:
    measures = (one.recall, one.precision, one.iou, one.ndcg, one.mrr)
    return [
        *_way(one.way),
        *("-" if value is None else f"{value:.3f}" for value in measures),
        f"{one.p50_ms:.1f}",
        f"{one.p95_ms:.1f}",
        f"{one.characters:.0f}",
        str(one.without_context),
    ]


def _changed(one: Difference) -> list[str]:
    measures = (one.recall, one.precision, one.iou, one.ndcg, one.mrr)
    return [
        *_way(one.way),
        *("-" if value is None else f"{value:+.3f}" for value in measures),
        f"{one.p50_ms:+.1f}",
        str(one.better),
        str(one.worse),
    ]


def _way(way: Way) -> tuple[str, str, str]:
    return way.leg, "yes" if way.threshold else "no", "yes" if way.neighbours else "no"


def _said(way: Way) -> str:
    threshold = "with" if way.threshold else "without"
    neighbours = "with" if way.neighbours else "without"
    return f"{way.leg} {threshold} threshold, {neighbours} neighbours"


def _print_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print columns, words to the left and numbers to the right."""
    listed = [head, *rows]
    widths = [max(map(len, column)) for column in zip(*listed, strict=True)]
    for row in listed:
        cells = (
            cell.ljust(width) if at < len(_WAY) else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        say("  ".join(cells).rstrip())
