"""Uploads and questions flow while every process is killed: all ends, once, as in a quiet run.

``python -m tests.chaos.pipeline --documents 300 --questions 100 --kills 20 --seed 1``
"""

# ruff: noqa: S311 - seeded on purpose
import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import structlog

from contracts.errors import RaglineError
from contracts.ids import DocumentId
from contracts.topics import (
    CHAT_COMPLETED,
    DOCUMENTS_STATUS,
    INPUTS,
    WORKERS,
    dead_letter_topic,
    retry_topics,
)
from runtime.kafka import TopicAdmin
from tests.chaos.clients import Client
from tests.chaos.library import Book, Passage, books, passages, question
from tests.chaos.product import SHARES, Product, running_product
from tests.chaos.reading import read_all
from tests.chaos.report import Report
from tests.chaos.rows import Rows, rows_of
from tests.chaos.strikes import Strike, plan_strikes

log = structlog.get_logger(__name__)

#: Of the run for each kill.
SECONDS_PER_KILL = 4.5
#: Of uploads and questions, the part that comes within so many seconds before a kill.
SHARE_BEFORE_KILLS = 0.7
BEFORE_SECONDS = 1.0
#: Without any progress for so long, what has not ended never will.
PATIENCE_SECONDS = 150.0
#: How a job ends that nobody deletes.
ENDED_JOBS = {"indexed", "failed"}


@dataclass(frozen=True, kw_only=True)
class Size:
    """How large a run is."""

    documents: int
    questions: int
    kills: int
    seed: int
    seconds_per_kill: float = SECONDS_PER_KILL

    @property
    def seconds(self) -> float:
        """How long uploads, questions and kills go on."""
        return max(1, self.kills) * self.seconds_per_kill


def strikes_of(size: Size) -> list[Strike]:
    """Return the kills: each process at least once where there are enough."""
    names = list(SHARES)
    counts = Counter({name: size.kills * share // 100 for name, share in SHARES.items()})
    random = Random(f"victims:{size.seed}")
    random.shuffle(names)
    fewest = sorted(names, key=lambda name: counts[name])
    for at in range(size.kills - counts.total()):
        counts[fewest[at % len(fewest)]] += 1
    return plan_strikes(size.seed, counts)


@dataclass
class Flow:
    """What clients did and got."""

    client: Client
    #: What each accepted upload was, by the id of its job.
    accepted: dict[str, Book] = field(default_factory=dict[str, Book])
    #: The answers, by their turns.
    answers: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    killed: list[str] = field(default_factory=list[str])


async def disturb(product: Product, size: Size) -> Report:
    """Let clients work while processes are killed; wait until all has ended, and count."""
    report = Report(f"pipeline: {size}")
    flow = Flow(await Client.register(product.url))
    library = books(size.seed, size.documents)
    try:
        await product.while_watched(_let_flow(product, flow, library, size))
    finally:
        await flow.client.http.aclose()
    await _count(report, product, flow, library)
    return report.end()


async def _let_flow(product: Product, flow: Flow, library: list[Book], size: Size) -> None:
    async with asyncio.TaskGroup() as tasks:
        for task in (*_uploads(flow, library, size), *_questions(flow, size)):
            tasks.create_task(task)
        tasks.create_task(_kill(flow, product, strikes_of(size), size))
    await _until_ended(product, flow)


def _uploads(flow: Flow, library: list[Book], size: Size) -> Iterable[Any]:
    random = Random(f"uploads:{size.seed}")
    strikes = strikes_of(size)

    async def upload(number: int, book: Book, at: float) -> None:
        await asyncio.sleep(at)
        accepted = await flow.client.upload(book, f"{size.seed}-{number}")
        if accepted is not None:
            flow.accepted[accepted["job_id"]] = book

    for number, book in enumerate(library):
        yield upload(number, book, max(0, _moment(random, strikes, size)))


def _moment(random: Random, strikes: list[Strike], size: Size) -> float:
    """Return a time of the run, most often right before a kill, so that work is under way then."""
    if strikes and random.random() < SHARE_BEFORE_KILLS:
        return random.choice(strikes).at * size.seconds - random.uniform(0, BEFORE_SECONDS)
    return random.uniform(0, size.seconds)


def _questions(flow: Flow, size: Size) -> Iterable[Any]:
    random = Random(f"questions:{size.seed}")
    strikes = strikes_of(size)

    async def ask(text: str, at: float) -> None:
        await asyncio.sleep(at)
        answer = await flow.client.ask(text)
        if answer is not None:
            flow.answers[answer["turn_id"]] = answer

    for _ in range(size.questions):
        yield ask(question(random), max(0, _moment(random, strikes, size)))


async def _kill(flow: Flow, product: Product, strikes: list[Strike], size: Size) -> None:
    began = time.monotonic()
    for strike in strikes:
        await asyncio.sleep(max(0, began + strike.at * size.seconds - time.monotonic()))
        if await product.kill(strike.what):
            flow.killed.append(strike.what)
            log.info("strike", what=strike.what, seconds=round(time.monotonic() - began, 1))


async def _until_ended(product: Product, flow: Flow) -> None:
    """Wait until every job and turn has ended and no worker has a record left, or nothing moves."""
    seen: object = None
    since = time.monotonic()
    while time.monotonic() - since < PATIENCE_SECONDS:
        await asyncio.sleep(1)
        try:
            async with rows_of(product.dsn, flow.client.tenant) as rows:
                now = (await rows.open_jobs(), await rows.open_turns(), await _left(product))
        except (OSError, RaglineError):
            continue
        if not any(now):
            return
        if now != seen:
            seen, since = now, time.monotonic()


async def _left(product: Product) -> int:
    groups: list[tuple[str, str]] = [(name, INPUTS[name].name) for name in WORKERS]
    groups += [(f"{name}.retry", topic) for name in WORKERS for topic in retry_topics(name)]
    async with TopicAdmin(product.connection) as admin:
        return sum([sum((await admin.lag(*group)).values()) for group in groups])


async def _count(report: Report, product: Product, flow: Flow, library: list[Book]) -> None:
    async with rows_of(product.dsn, flow.client.tenant) as rows:
        report.same("uploads accepted", _accepted(flow, library), len(set(library)))
        report.none("requests never answered well", flow.client.unanswered)
        await _count_jobs(report, rows, flow)
        await _count_chunks(report, rows, flow, library)
        await _count_turns(report, rows, product, flow)
    await _count_events(report, product, flow, library)
    kills = Counter(flow.killed)
    report.say("requests sent again", flow.client.repeated)
    report.say("kills", kills.total())
    for name in SHARES:
        report.say(f"  of {name}", kills[name])


def _accepted(flow: Flow, library: list[Book]) -> int:
    return len(set(flow.accepted.values()) & set(library))


async def _count_jobs(report: Report, rows: Rows, flow: Flow) -> None:
    jobs = await rows.jobs()
    known = {book.identity(flow.client.tenant): book for book in flow.accepted.values()}
    report.say("jobs", len(jobs))
    report.none("accepted jobs that are not there", set(flow.accepted) - {j.job_id for j in jobs})
    report.none("jobs not ended", [job.job_id for job in jobs if job.status not in ENDED_JOBS])
    report.none(
        "jobs that ended otherwise than in a quiet run",
        [
            f"{known[job.document_id].name}: {job.status} {job.error_code}"
            for job in jobs
            if job.error_code != known[job.document_id].fails
        ],
    )
    report.none(
        "failed jobs without a reason",
        [job.job_id for job in jobs if job.status == "failed" and not job.error_message],
    )


async def _count_chunks(report: Report, rows: Rows, flow: Flow, library: list[Book]) -> None:
    generation, strategy = await rows.generation()
    tenant = flow.client.tenant
    good = {book for book in library if book.fails is None}
    expected: set[Passage] = set()
    for book in good:
        expected.update(await asyncio.to_thread(passages, book, tenant, strategy))
    found = await rows.passages(generation)
    report.say("chunks", len(found))
    report.none("chunks missing", {passage.chunk_id for passage in expected - set(found)})
    report.none(
        "chunks unlike a quiet run's", {passage.chunk_id for passage in set(found) - expected}
    )
    places = Counter((passage.document_id, passage.ordinal) for passage in found)
    report.none("places with two chunks", [place for place, count in places.items() if count > 1])
    stages = await rows.ledger()
    documents = {book.identity(tenant) for book in good}
    for stage in ("parse", "chunk"):
        report.none(f"documents not recorded once by {stage}", _not_once(stages[stage], documents))
    report.none(
        "documents whose counts are wrong",
        await rows.miscounted(generation, dict(Counter(p.document_id for p in expected))),
    )


def _not_once(recorded: Iterable[DocumentId], documents: set[DocumentId]) -> list[object]:
    counts = Counter(recorded)
    return [one for one in documents | set(counts) if counts[one] != 1 or one not in documents]


async def _count_turns(report: Report, rows: Rows, product: Product, flow: Flow) -> None:
    turns = await rows.turns()
    report.say("questions answered to a client", len(flow.answers))
    report.say("turns", len(turns))
    report.none("turns without an answer", [t.turn_id for t in turns if t.state != "done"])
    stored = {turn.turn_id: turn.answer for turn in turns}
    report.none(
        "answers that are not the stored one",
        {turn for turn, answer in flow.answers.items() if stored.get(turn) != answer["answer"]},
    )
    said: dict[str, set[str]] = defaultdict(set)
    for value in await _events(product, flow, CHAT_COMPLETED.name):
        said[value["turn_id"]].add(value["ce_id"])
    done = {turn.turn_id for turn in turns if turn.state == "done"}
    report.none("answers never announced", done - set(said))
    report.none("answers announced as two", {turn for turn, ids in said.items() if len(ids) > 1})
    report.say("  answers taken over by another attempt", sum(turn.attempt > 1 for turn in turns))


async def _count_events(report: Report, product: Product, flow: Flow, library: list[Book]) -> None:
    said: dict[str, set[str]] = defaultdict(set)
    for value in await _events(product, flow, DOCUMENTS_STATUS.name):
        if value["status"] in ENDED_JOBS:
            said[value["job_id"]].add(value["status"])
    report.none("jobs whose end was never announced", set(flow.accepted) - set(said))
    report.none(
        "jobs announced with two ends", {job for job, ends in said.items() if len(ends) > 1}
    )
    bad = {str(book.identity(flow.client.tenant)) for book in library if book.fails}
    letters = await _events(product, flow, *(dead_letter_topic(name).name for name in WORKERS))
    unexpected = {letter.get("document_id") or letter.get("turn_id") for letter in letters} - bad
    report.none("dead letters of what could be done", unexpected)


async def _events(product: Product, flow: Flow, *topics: str) -> list[Mapping[str, Any]]:
    """Return the client's events of these topics, each with its id."""
    found: list[Mapping[str, Any]] = []
    for record in await read_all(product.connection, *topics):
        value = msgspec.json.decode(record.value or b"{}")
        if value.get("tenant_id") == str(flow.client.tenant):
            found.append(value | {"ce_id": dict(record.headers)["ce_id"].decode()})
    return found


async def run(size: Size, folder: Path) -> Report:
    """Start the product in ``folder`` and disturb it."""
    async with running_product(folder) as product:
        return await disturb(product, size)


def main() -> int:
    """Run as asked on the command line; 1 when a promise was broken."""
    parser = argparse.ArgumentParser(description="Kill processes while uploads and questions flow.")
    parser.add_argument("--documents", type=int, default=300)
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    folder = Path(tempfile.mkdtemp(prefix="ragline-chaos-"))
    report = asyncio.run(run(Size(**vars(parser.parse_args())), folder))
    sys.stdout.write(report.text())
    if report.off:
        sys.stdout.write(f"Logs and data are kept in {folder}.\n")
    else:
        shutil.rmtree(folder)
    return report.status


if __name__ == "__main__":
    sys.exit(main())
