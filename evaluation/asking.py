"""Asks every question in every way, some at a time, and scores the answers."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from evaluation.dataset import Question
from evaluation.failures import EvaluationFailed
from evaluation.judging import Judge
from evaluation.metrics import ndcg, reciprocal_rank
from evaluation.ranges import Range, length, within_budget
from evaluation.results import Leg, Scores, Way
from evaluation.server import Client, Result, Results, search

#: The parts of an answer's timings that are a search: the question's embedding, and the rest.
_TIMINGS = ("embed_ms", "retrieve_ms")
#: Lower than any similarity.
_NO_THRESHOLD = -1.0


@dataclass(frozen=True, kw_only=True)
class Options:
    """How questions are asked, and what of the results is counted."""

    #: Where the documents are; nothing else is searched. None: everything is.
    knowledge_base: str | None = None
    legs: tuple[Leg, ...] = tuple(Leg)
    #: Ask only as questions are answered: with the threshold, and with neighbours.
    only_shipped: bool = False
    #: Results that count as context, at most.
    chunks: int = 5
    #: Characters of context that are counted for a question.
    context_characters: int = 6_000
    #: Least cosine similarity of context; default the server's.
    threshold: float | None = None
    #: Chunks on either side that context is widened by; default the server's.
    neighbours: int | None = None
    #: Questions at the same time.
    concurrency: int = 4

    @property
    def ways(self) -> list[Way]:
        """Every way that is asked in."""
        switches = [True] if self.only_shipped else [True, False]
        return [
            Way(leg, threshold, neighbours)
            for leg in self.legs
            for threshold in switches
            for neighbours in switches
        ]


@dataclass(frozen=True)
class Asked:
    """The scores of one question in every way, and what the server says of itself."""

    scores: dict[Way, Scores]
    embedding_model: str
    #: The threshold where there was one.
    threshold: float


Judged = tuple[Question, Judge]


async def ask_all(
    client: Client, judged: list[Judged], options: Options, told: Callable[[int], None]
) -> list[Asked]:
    """Return what came of each question, in their order; ``told`` hears how many are done."""
    asked: dict[int, Asked] = {}
    waiting = iter(enumerate(judged))

    async def work(mine: Iterator[tuple[int, Judged]]) -> None:
        for number, (question, judge) in mine:
            asked[number] = await _ask(client, question, judge, options)
            told(len(asked))

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(options.concurrency):
                group.create_task(work(waiting))
    except ExceptionGroup as group:
        if ours := group.subgroup(EvaluationFailed):
            raise ours.exceptions[0] from group
        raise
    return [asked[number] for number in range(len(judged))]


async def _ask(client: Client, question: Question, judge: Judge, options: Options) -> Asked:
    scores: dict[Way, Scores] = {}
    ranked: dict[tuple[Leg, bool], Results] = {}
    for way in options.ways:
        ranking = (way.leg, way.threshold)
        if ranking not in ranked:  # neighbours change what is read, not what is found
            body = _body(question, Way(*ranking, neighbours=False), judge.depth, options)
            ranked[ranking] = await search(client, body)
        found = await search(client, _body(question, way, options.chunks, options))
        scores[way] = _score(question, judge, ranked[ranking].results, found, options)
    thresholds = [results.threshold for (_, switched), results in ranked.items() if switched]
    return Asked(scores, next(iter(ranked.values())).embedding_model, thresholds[0])


def _body(question: Question, way: Way, most: int, options: Options) -> dict[str, Any]:
    legs = [Leg.vector, Leg.lexical] if way.leg is Leg.hybrid else [way.leg]
    body: dict[str, Any] = {
        "query": question.text,
        "max_results": most,
        "legs": legs,
    }
    if options.knowledge_base is not None:
        body["filters"] = {"knowledge_base": options.knowledge_base}
    threshold = options.threshold if way.threshold else _NO_THRESHOLD
    if threshold is not None:
        body["threshold"] = threshold
    neighbours = options.neighbours if way.neighbours else 0
    if neighbours is not None:
        body["neighbours"] = neighbours
    return body


def _score(
    question: Question, judge: Judge, ranked: list[Result], found: Results, options: Options
) -> Scores:
    context = [(one.document_id, _read(one)) for one in found.results if one.is_context]
    spans = within_budget(context[: options.chunks], options.context_characters)
    overlap = judge.overlap(spans)
    gains = judge.gains(ranked)
    return Scores(
        question=question.question_id,
        recall=overlap.recall,
        precision=overlap.precision,
        iou=overlap.iou,
        ndcg=ndcg(gains, judge.ideal),
        reciprocal_rank=reciprocal_rank(gains),
        characters=sum(map(length, spans.values())),
        milliseconds=sum(found.timings.get(part, 0.0) for part in _TIMINGS),
    )


def _read(result: Result) -> Range:
    """Return what is read of a result: its own characters, or more."""
    read = result.context or result
    return read.char_start, read.char_end
