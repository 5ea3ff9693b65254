"""Agents that need a model: whole documents summarized, questions researched, limits kept."""

import asyncio
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from contracts.topics import retry_topics
from runtime.clock import SystemClock
from runtime.kafka import Publisher, TopicAdmin, read_backlogs
from tests.fixtures.vendor_http import Fail
from tests.integration.conversations.conftest import HANDBOOK, QUESTION, Scripted, World

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: Fourteen parts of a summary, some of them with a page's end inside a chunk.
BOOK = [
    f"Chapter {number}. " + f"The tower has {number} bells and they ring at dawn. " * 80
    for number in range(1, 81)
]


def numbers_in(asked: Any) -> list[int]:
    """Return the numbers of the passages in a request."""
    found = re.findall(r'<passage number="(\d+)"', asked["messages"][-1]["content"])
    return [int(number) for number in found]


def note_of(asked: Any) -> str:
    """Say something of each passage, of one that is not there, and an order to nobody."""
    cited = " ".join(f"Bells ring [{number}]." for number in numbers_in(asked))
    return f"{cited} Invented [9999]."


def merge_of(asked: Any) -> str:
    cited = re.findall(r"\[(\d+)\]", asked["messages"][-1]["content"])
    return f"All ring [{cited[0]}][{cited[-1]}] [9998]."


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """Every span of this process."""
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        provider = TracerProvider()
        trace.set_tracer_provider(provider)
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield exporter
    exporter.shutdown()


async def test_a_long_document_is_read_in_whole_and_summarized(
    world: World, scripted: Scripted
) -> None:
    document_id = await world.index(None, BOOK, filename="book.txt")
    scripted.replies = {"read": note_of, "summary": merge_of}
    turn = await scripted.turn("For a visitor.", agent="summarize", document_ids=[str(document_id)])

    read = scripted.server.requests[:-1]
    numbers = sorted(number for request in read for number in numbers_in(request.json))
    assert numbers == list(range(1, 81)), "every chunk once, and no other"
    assert all("For a visitor." in request.json["messages"][-1]["content"] for request in read)
    steps = turn["steps"]
    assert [step["kind"] for step in steps] == ["read"] * len(read)
    assert {step["input"] for step in steps} == {
        f"book.txt: part {place} of {len(read)}" for place in range(1, len(read) + 1)
    }
    [[summary]] = scripted.asked("summary")
    assert "[9999]" not in summary["content"], "an invented number does not go further"
    assert summary["content"].count("<notes>") == len(read)
    cited = [citation["index"] for citation in turn["citations"]]
    assert cited == [1, 80]
    assert turn["citations"][0]["similarity"] is None
    assert turn["citations"][1]["page"] == 80
    whole = "\n\n".join(BOOK)
    for citation in turn["citations"]:
        assert whole[citation["char_start"] : citation["char_end"]] == citation["quote"]
    assert (turn["finish_reason"], turn["model"]) == ("stop", "scripted-model")
    assert turn["usage"]["calls"] == len(read) + 1


async def test_notes_that_are_too_long_are_merged_first(world: World, scripted: Scripted) -> None:
    document_id = await world.index(None, BOOK, filename="book.txt")
    scripted.replies = {
        "read": lambda asked: note_of(asked) + " Much more." * 400,
        "merge": merge_of,
        "summary": merge_of,
    }
    turn = await scripted.turn("All.", agent="summarize", document_ids=[str(document_id)])
    kinds = [step["kind"] for step in turn["steps"]]
    assert kinds.count("merge") >= 2
    assert kinds == sorted(kinds, key=["read", "merge"].index), "reading comes first"
    assert "[9998]" not in scripted.asked("summary")[0][0]["content"]
    assert {citation["index"] for citation in turn["citations"]} == {1, 80}


async def test_a_short_document_is_summarized_in_one_call(world: World, scripted: Scripted) -> None:
    document_id = await world.index(None, HANDBOOK, filename="short.txt")
    scripted.replies = {"summary": "Backups stay thirty days [1]. Lunch is at noon [2]. No [7]."}
    turn = await scripted.turn("Short.", agent="summarize", document_ids=[str(document_id)])
    assert turn["steps"] == []
    assert [citation["index"] for citation in turn["citations"]] == [1, 2]
    assert len(turn["sources"]) == 3
    assert turn["usage"]["calls"] == 1


async def test_a_part_that_cannot_be_read_leaves_no_summary(
    world: World, scripted: Scripted
) -> None:
    document_id = await world.index(None, BOOK, filename="book.txt")
    scripted.replies = {"read": note_of, "summary": merge_of}
    scripted.server.script.append(Fail(400, "bad_request", "No."))
    events = await scripted.gateway.events(
        "POST", "/chat", message="All.", agent="summarize", document_ids=[str(document_id)]
    )
    assert (events[-1].name, events[-1].data["code"]) == ("error", "provider_refused")
    failed = [event.data for event in events if event.name == "step" and event.data["error"]]
    assert [step["error"]["code"] for step in failed] == ["provider_refused"]
    turn = (await scripted.gateway.client.get(f"/chat/{events[-1].data['turn_id']}")).json()
    assert failed[0] in turn["steps"]
    assert scripted.asked("summary") == []


async def test_documents_that_are_more_than_the_budget_are_refused_before_they_cost_anything(
    world: World, scripted: Scripted
) -> None:
    document_id = await world.index(None, BOOK, filename="book.txt")
    agent = world.agents(scripted.models, tokens=20_000)["summarize"]
    event = await world.asked("All.", agent="summarize", document_ids=[str(document_id)])
    turn = await world.answered(event, {"summarize": agent})
    assert (turn.state, turn.error_code) == ("failed", "agent_limit_reached")
    assert "AGENT_TOKEN_BUDGET" in (turn.error_message or "")
    assert scripted.server.requests == []


async def test_a_document_that_is_not_indexed_is_said_to_be_not_ready(
    world: World, scripted: Scripted
) -> None:
    document_id = await world.accepted("bare.txt")
    refused = await scripted.gateway.ask("All.", agent="summarize", document_ids=[str(document_id)])
    assert (refused.status_code, refused.json()["code"]) == (409, "document_not_ready")
    assert "bare.txt" in refused.json()["detail"]
    assert scripted.server.requests == []


async def test_a_summary_says_which_documents_it_wants(scripted: Scripted) -> None:
    refused = await scripted.gateway.ask("All.", agent="summarize")
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")
    assert refused.json()["errors"][0]["field"] == "document_ids"


async def test_an_unknown_agent_is_refused_with_the_names_of_the_others(
    scripted: Scripted,
) -> None:
    refused = await scripted.gateway.ask(agent="oracle")
    assert refused.status_code == 422
    assert "research" in refused.json()["detail"]


async def test_research_divides_searches_weighs_and_answers(
    scripted: Scripted, spans: InMemorySpanExporter
) -> None:
    def weigh(asked: Any) -> str:
        message = asked["messages"][-1]["content"]
        lunch = re.search(r'number="(\d+)"[^>]*>\nLunch', message)
        assert lunch is not None
        return f"KEEP: {lunch[1]}, 77\nASK: Who books travel?"

    scripted.replies = {
        "split": "1. How long are backups kept?\n2. When is lunch served?\n",
        "weigh": weigh,
        "answer": "From noon [1]. By the travel office [2].",
    }
    turn = await scripted.turn("Lunch and travel?", agent="research", threshold=0.2)

    steps = turn["steps"]
    assert [step["kind"] for step in steps] == ["split", "search", "search", "weigh", "search"]
    assert [step["index"] for step in steps] == [1, 2, 3, 4, 5]
    searches = [step for step in steps if step["kind"] == "search"]
    assert {step["input"] for step in searches} == {
        "How long are backups kept?",
        "When is lunch served?",
        "Who books travel?",
    }
    assert {(step["agent"], step["caller"]) for step in searches} == {("search", "research")}
    [asked] = scripted.asked("answer")
    first = re.search(r'<passage number="1"[^>]*>\n(.*)', asked[-1]["content"])
    assert first is not None
    assert first[1] == HANDBOOK[1], "what was kept comes first, numbered anew"
    assert HANDBOOK[2] in asked[-1]["content"]
    assert asked[-1]["content"].endswith("Question: Lunch and travel?")
    assert [citation["index"] for citation in turn["citations"]] == [1, 2]
    assert turn["usage"]["calls"] == 3
    _check_spans(spans.get_finished_spans(), turn)


def _check_spans(finished: tuple[ReadableSpan, ...], turn: dict[str, Any]) -> None:
    """Every call of an agent is a span, under its caller's, of one trace."""
    by_id = {span.context.span_id: span for span in finished if span.context}
    [research] = [span for span in finished if span.name == "agent research"]
    calls = [span for span in finished if span.name == "agent search"]
    assert len(calls) == 3
    for call in calls:
        assert call.parent is not None
        assert by_id[call.parent.span_id] is research
        assert (call.attributes or {})["ragline.caller"] == "research"
    steps = [span for span in finished if span.name in {"search search", "research split"}]
    assert len(steps) == 4
    assert {span.context.trace_id for span in (*calls, *steps, research) if span.context} == {
        research.context.trace_id if research.context else 0
    }
    assert turn["steps"]


@pytest.mark.parametrize("reply", ["", "I cannot do that.\n" * 3_000])
async def test_research_goes_on_where_a_plan_is_no_plan(scripted: Scripted, reply: str) -> None:
    scripted.replies |= {"split": reply, "weigh": reply}
    turn = await scripted.turn(QUESTION, agent="research")
    split, search, weigh = turn["steps"]
    assert split["error"]["code"] == "answer_failed"
    assert search["input"] == QUESTION
    assert weigh["error"]["code"] == "answer_failed"
    assert turn["answer"] == "It is thirty days [1]."


async def test_research_that_finds_nothing_says_so(scripted: Scripted) -> None:
    scripted.replies |= {"split": QUESTION}
    turn = await scripted.turn(QUESTION, agent="research", threshold=0.99)
    assert turn["finish_reason"] == "no_context"
    assert [step["kind"] for step in turn["steps"]] == ["split", "search"]
    assert len(scripted.server.requests) == 1


async def test_research_stays_within_its_tokens_and_answers_with_what_it_has(
    world: World, scripted: Scripted
) -> None:
    scripted.replies |= {"split": "One?\nTwo?", "weigh": "KEEP: 1"}
    agent = world.agents(scripted.models, tokens=50)["research"]
    event = await world.asked(QUESTION, agent="research")
    turn = await world.answered(event, {"research": agent})
    assert turn.error_code == "agent_limit_reached", "it could not even search"
    assert [step.kind for step in turn.steps] == ["split", "search", "search"]
    assert scripted.asked("weigh") == []


async def test_an_agent_calls_with_the_gateway_unaware_of_a_missing_model(world: World) -> None:
    for name in ("research", "summarize"):
        event = await world.asked(QUESTION, agent=name)
        turn = await world.answered(event, world.agents([]))
        assert (turn.state, turn.error_code) == ("failed", "model_required")
        assert "OPENAI_API_KEY" in (turn.error_message or "")


async def _worker(scripted: Scripted, name: str = "responder") -> dict[str, Any]:
    status = (await scripted.gateway.client.get("/agents/status")).json()
    assert status["unknown"] is None
    [worker] = [worker for worker in status["workers"] if worker["name"] == name]
    found: dict[str, Any] = worker
    return found


async def test_the_status_tells_the_last_error_of_the_responder_without_its_details(
    scripted: Scripted,
) -> None:
    scripted.server.script.append(Fail(401, "invalid_api_key", "Key sk-secret is wrong."))
    assert (await scripted.gateway.ask()).status_code == 502
    for _ in range(100):
        error = (await _worker(scripted))["last_error"]
        if error is not None and error["code"] == "provider_unauthorized":
            break
        await asyncio.sleep(0.2)
    assert error["code"] == "provider_unauthorized"
    assert "sk-secret" not in error["message"]
    assert error["job_id"] is None
    assert datetime.fromisoformat(error["at"]) > SystemClock().now() - timedelta(minutes=2)


async def test_the_status_tells_how_long_the_oldest_record_waits(
    world: World, scripted: Scripted
) -> None:
    topic = next(iter(retry_topics("responder")))
    publisher = Publisher(world.connection, client_id="test-backlog")
    async with TopicAdmin(world.connection) as admin:
        before = sum((await admin.lag("somebody", topic)).values())
    try:
        for value in (b"1", b"2"):
            await publisher.publish_raw(topic=topic, key=b"k", value=value, headers={})
    finally:
        await publisher.stop()
    [backlog] = await read_backlogs(world.connection, {"somebody": [topic]})
    assert backlog.lag == before + 2
    assert backlog.oldest_at is not None
    assert backlog.oldest_at < SystemClock().now() + timedelta(minutes=1)
    [none] = await read_backlogs(world.connection, {"somebody": ["documents.parsed.v1"]})
    assert (none.lag, none.oldest_at) == (0, None), "a topic that does not exist"
    worker = await _worker(scripted)
    assert worker["lag"] == sum(topic["lag"] for topic in worker["topics"])
