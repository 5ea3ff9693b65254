"""From a data set to what was measured with it."""

from collections.abc import Callable, Sequence

from evaluation.asking import Asked, Options, ask_all
from evaluation.dataset import Dataset, Split
from evaluation.failures import UnusableDataset
from evaluation.locating import locate
from evaluation.metrics import mean, percentile
from evaluation.results import Evaluation, Measured, Scores, Way
from evaluation.server import Client


def _tell_nobody(_done: int) -> None: ...


async def evaluate(
    client: Client,
    dataset: Dataset,
    options: Options,
    *,
    split: Split = Split.all,
    told: Callable[[int], None] = _tell_nobody,
) -> Evaluation:
    """Ask the questions of a data set whose documents are indexed, and measure what is found.

    ``told`` hears how many questions are done. Raises ``MissingDocuments``, ``UnusableDataset``
    when the half has no question, and what the client raises.
    """
    part = dataset.part(split)
    if not part.questions:
        raise UnusableDataset(f"The {split} half of {dataset.name} has no question.")
    located = await locate(client, part, options.knowledge_base)
    judged = list(zip(part.questions, located.judges, strict=True))
    asked = await ask_all(client, judged, options, told)
    return Evaluation(
        dataset=part.name,
        digest=part.digest,
        split=split,
        documents=len(part.documents),
        questions=len(part.questions),
        references=sum(len(question.references) for question in part.questions),
        unlocated=located.unlocated,
        missing_documents=located.missing_documents,
        chunks=options.chunks,
        context_characters=options.context_characters,
        embedding_model=asked[0].embedding_model,
        threshold=asked[0].threshold,
        measured=[_measured(way, asked) for way in options.ways],
    )


def _measured(way: Way, asked: Sequence[Asked]) -> Measured:
    scores = [one.scores[way] for one in asked]
    times = [one.milliseconds for one in scores]
    return Measured(
        way=way,
        recall=mean(one.recall for one in scores),
        precision=mean(one.precision for one in scores),
        iou=_mean_iou(scores),
        ndcg=mean(one.ndcg for one in scores),
        mrr=mean(one.reciprocal_rank for one in scores),
        p50_ms=percentile(times, 50),
        p95_ms=percentile(times, 95),
        characters=mean(one.characters for one in scores),
        without_context=sum(one.characters == 0 for one in scores),
        questions=scores,
    )


def _mean_iou(scores: Sequence[Scores]) -> float | None:
    known = [one.iou for one in scores if one.iou is not None]
    return mean(known) if known else None
