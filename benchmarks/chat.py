"""What /chat takes without the model's own time: ``python -m benchmarks.chat``.

A scripted model answers at once. The reference asks that model directly, with the same number of
clients: what is left is ours — HTTP, the outbox, Kafka, retrieval, the prompt, deltas, events.
Every client asks its next question when it has its answer, so that the number of open streams
stays the same.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean
from time import perf_counter

from benchmarks.client import Client
from benchmarks.corpus import text_file
from benchmarks.processes import Processes, spent_since
from benchmarks.report import Report, benchmark, percentile, percentiles
from benchmarks.scripted_model import KEY, MODEL, running_model
from benchmarks.stack import Machine, local_settings, running_machine, scratch_folder

EXAMPLES = Path(__file__).resolve().parent.parent / "examples" / "documents"
QUESTION = "When does the dome stay shut because of wind or humidity?"
_MANY = 100
#: Documents beside the examples, some ten chunks each: what a retrieval has to look through.
_OTHERS, _OTHER_BYTES = 300, 4096
_UPLOADERS = 16
#: No round of questions takes longer than this.
_MOST_SECONDS = 300
#: Goals for an answer and for its retrieval, on average.
_ANSWER_SECONDS, _RETRIEVAL_SECONDS = 3, 3


@dataclass(frozen=True)
class Answered:
    """Seconds of one answer since it was asked for."""

    first_token: float
    done: float
    #: Milliseconds as the turn itself knows them.
    timings: Mapping[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True)
class Round:
    """The answers that a number of clients got, and what that cost."""

    clients: int
    answers: Sequence[Answered]
    seconds: float
    #: Processor seconds by role; of this client alone where the model was asked directly.
    cpu: Mapping[str, float]


Ask = Callable[[Client], Awaitable[Answered]]


async def measure(report: Report) -> None:
    """Ask with one client and with a hundred, and the model alone in turns with them."""
    with scratch_folder() as folder:
        async with running_model() as model:
            settings = local_settings(
                folder,
                openai_base_url=model,
                openai_api_key=KEY,
                chat_model=MODEL,
                embedding_model="wordllama-256",
            )
            async with running_machine(folder, settings) as machine:
                await _measure(report, machine, model)


async def _measure(report: Report, machine: Machine, model: str) -> None:
    headers, key = await machine.log_in(), {"Authorization": f"Bearer {KEY}"}
    await _index(machine, headers, report.size(_OTHERS, 20))
    for clients, each in ((1, report.size(60, 5)), (_MANY, report.size(8, 1))):
        await _round(machine, _chat, headers=headers, clients=clients, each=2)  # everything loaded
        bare = await _round(machine, _ask_model, url=model, headers=key, clients=clients, each=each)
        ours = await _round(machine, _chat, headers=headers, clients=clients, each=each)
        _tell(report, ours, bare)


async def _index(machine: Machine, headers: dict[str, str], others: int) -> None:
    """Index what the question is about, and so many documents that have nothing to say to it."""
    files = [*_examples(), *((f"{n}.txt", text_file(n, _OTHER_BYTES)) for n in range(others))]
    waiting = iter(files)

    async def send() -> None:
        async with Client(machine.url, headers) as client:
            for name, content in waiting:
                await client.index(name, content)

    await asyncio.gather(*(send() for _ in range(_UPLOADERS)))


def _examples() -> list[tuple[str, bytes]]:
    return [(path.name, path.read_bytes()) for path in sorted(EXAMPLES.iterdir())]


async def _round(
    machine: Machine,
    ask: Ask,
    *,
    headers: dict[str, str],
    clients: int,
    each: int,
    url: str | None = None,
) -> Round:
    processes = Processes(machine)
    spent, began = processes.cpu_seconds(), perf_counter()

    async def client() -> list[Answered]:
        async with Client(url or machine.url, headers) as connection:
            return [await ask(connection) for _ in range(each)]

    async with asyncio.timeout(_MOST_SECONDS):
        answers = await asyncio.gather(*(client() for _ in range(clients)))
    return Round(
        clients=clients,
        answers=[answer for some in answers for answer in some],
        seconds=perf_counter() - began,
        cpu=spent_since(spent, processes.cpu_seconds()),
    )


async def _chat(client: Client) -> Answered:
    """Ask through the product, in a conversation of its own."""
    began = perf_counter()
    first = 0.0
    answered: Answered | None = None
    body = {"message": QUESTION, "stream": True}
    async for name, data in client.events("POST", "/chat", body):
        if name == "token" and not first:
            first = perf_counter() - began
        if name == "error":
            raise RuntimeError(data.decode(errors="replace"))
        if name == "done":
            answered = Answered(first, perf_counter() - began, json.loads(data)["timings"])
    if answered is None:
        raise RuntimeError("The stream ended without `done`.")
    return answered


async def _ask_model(client: Client) -> Answered:
    """Ask the model directly, as OpenAI's API is asked."""
    body = {
        "model": MODEL,
        "stream": True,
        "messages": [{"role": "user", "content": QUESTION}],
    }
    began = perf_counter()
    first = 0.0
    async for _, data in client.events("POST", "/v1/chat/completions", body):
        if not first and b'"content"' in data:
            first = perf_counter() - began
    return Answered(first, perf_counter() - began)


def _tell(report: Report, ours: Round, bare: Round) -> None:
    name = f"{ours.clients} at a time"
    rows = [
        ("first token", *_milliseconds(ours, "first_token"), *_milliseconds(bare, "first_token")),
        ("done", *_milliseconds(ours, "done"), *_milliseconds(bare, "done")),
    ]
    report.listing(
        f"{name}, {len(ours.answers)} answers: ms to the client",
        ("until", "p50", "p95", "p99", "model alone p50", "p95", "p99"),
        rows,
    )
    report.listing(
        f"{name}: ms as the turns know them",
        ("part", "p50", "p95", "p99"),
        [
            (part, *percentiles([answer.timings[part] for answer in ours.answers]))
            for part in ours.answers[0].timings
        ],
    )
    report.listing(
        f"{name}: processor milliseconds per answer",
        ("process", "CPU ms"),
        [(role, 1000 * spent / len(ours.answers)) for role, spent in ours.cpu.items()],
    )
    for until in ("first_token", "done"):
        added = 1000 * (_median(ours, until) - _median(bare, until))
        report.figure(f"{name}: added until {until.replace('_', ' ')}, p50", added, unit="ms")
    average = mean(answer.done for answer in ours.answers)
    report.figure(f"{name}: whole answer, average", average, unit="s", most=_ANSWER_SECONDS)
    retrieval = mean(
        answer.timings["embed_ms"] + answer.timings["retrieve_ms"] for answer in ours.answers
    )
    report.figure(
        f"{name}: retrieval, average", retrieval / 1000, unit="s", most=_RETRIEVAL_SECONDS
    )
    report.figure(f"{name}: answers/s", len(ours.answers) / ours.seconds)


def _seconds(of: Round, until: str) -> list[float]:
    return [getattr(answer, until) for answer in of.answers]


def _milliseconds(of: Round, until: str) -> tuple[float, float, float]:
    p50, p95, p99 = percentiles(_seconds(of, until))
    return 1000 * p50, 1000 * p95, 1000 * p99


def _median(of: Round, until: str) -> float:
    return percentile(_seconds(of, until), 50)


if __name__ == "__main__":
    benchmark("chat", measure)
