"""What ``ragline eval`` does, in its order."""

from dataclasses import dataclass, replace
from pathlib import Path

from cli.failures import CommandFailed
from cli.measuring.documents import (
    delete_documents,
    has_all_files,
    ingest_missing,
    own_knowledge_base,
)
from cli.measuring.progress import Steps, showing_steps
from cli.measuring.report import fallen_sentence, print_differences, print_evaluation
from cli.patience import Patience
from cli.target import Target, connected
from evaluation import (
    Dataset,
    Evaluation,
    EvaluationFailed,
    Options,
    Split,
    compare,
    evaluate,
    has_fallen,
    read_dataset,
    read_evaluation,
    save_evaluation,
)

#: Many questions need several times a minute's share of requests.
BUSY_SECONDS = 600.0
RECONNECTS = 5


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be measured, and what is to become of the results."""

    dataset: Path
    qrels: str | None
    #: Where documents are that were ingested before.
    default_knowledge_base: str
    #: Upload what is not there.
    ingest: bool
    #: Delete the data set's documents afterwards.
    delete: bool
    split: Split
    #: No knowledge base there: the data set's own.
    options: Options
    json_file: Path | None
    compare_with: Path | None
    #: How far recall may fall.
    tolerance: float


async def measure(target: Target, plan: Plan) -> int:
    """Measure, print, save and compare; return the exit status."""
    try:
        before = None if plan.compare_with is None else read_evaluation(plan.compare_with)
        dataset = read_dataset(plan.dataset, qrels=plan.qrels)
        with showing_steps() as steps:
            evaluation = await _measure(target, plan, dataset, steps)
        print_evaluation(evaluation)
        if plan.json_file is not None:
            _save(evaluation, plan.json_file)
        return 0 if before is None else _compare(before, evaluation, plan.tolerance)
    except EvaluationFailed as failure:
        raise CommandFailed(str(failure)) from failure


async def _measure(target: Target, plan: Plan, dataset: Dataset, steps: Steps) -> Evaluation:
    patience = Patience(busy_seconds=BUSY_SECONDS, reconnects=RECONNECTS, told=steps.waiting)
    place = _knowledge_base(plan, dataset)
    async with connected(target, patience=patience) as api:
        await api.log_in()
        try:
            if plan.ingest and has_all_files(dataset):
                await ingest_missing(api, dataset, place, steps)
            steps.expect(len(dataset.part(plan.split).questions))
            options = replace(plan.options, knowledge_base=place)
            return await evaluate(api, dataset, options, split=plan.split, told=steps.asked)
        finally:
            if plan.delete:
                count = await delete_documents(api, dataset, place)
                steps.say(f"Deleted {count} documents.")


def _knowledge_base(plan: Plan, dataset: Dataset) -> str:
    if plan.options.knowledge_base is not None:
        return plan.options.knowledge_base
    if has_all_files(dataset):
        return own_knowledge_base(dataset)
    if plan.delete:
        raise CommandFailed(
            "--delete is for documents that the data set brings; some of these were ingested "
            "before."
        )
    return plan.default_knowledge_base


def _save(evaluation: Evaluation, path: Path) -> None:
    try:
        save_evaluation(evaluation, path)
    except OSError as error:
        raise CommandFailed(f"The results cannot be saved in {path}: {error.strerror}.") from error


def _compare(before: Evaluation, now: Evaluation, tolerance: float) -> int:
    differences = compare(before, now)
    print_differences(differences)
    fallen = [one for one in differences if has_fallen(one, tolerance)]
    if fallen:
        raise CommandFailed(fallen_sentence(fallen, tolerance))
    return 0
