"""One question from the request to its cited answer, over the real broker and database."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from contracts.ids import new_id
from contracts.topics import retry_topics
from gateway.agent_cards import AGENTS
from tests.integration.conversations.conftest import HANDBOOK, QUESTION, Gateway, World
from workers.responder.agents.answer import NOTHING_FOUND

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(world: World) -> AsyncIterator[Gateway]:
    """A gateway, with a responder behind it."""
    async with world.responder(), world.gateway() as gateway:
        yield gateway


async def test_a_question_is_answered_with_citations(gateway: Gateway) -> None:
    response = await gateway.ask()
    assert response.status_code == 200, response.text
    answer = response.json()
    assert "Backups are kept for thirty days" in answer["answer"]
    assert answer["finish_reason"] == "stop"
    assert answer["model"] == "extractive"
    assert answer["state"] == "done"
    citation = answer["citations"][0]
    assert citation["filename"] == "handbook.txt"
    assert citation["page"] == 1
    assert HANDBOOK[0][citation["char_start"] : citation["char_end"]] == citation["quote"]
    assert {"embed_ms", "retrieve_ms", "first_token_ms", "total_ms"} <= set(answer["timings"])
    assert set(answer["usage"]) == {"input_tokens", "output_tokens", "calls"}
    assert response.headers["location"] == f"/chat/{answer['turn_id']}"


async def test_a_stream_tells_sources_tokens_citations_and_the_end(gateway: Gateway) -> None:
    events = await gateway.events("POST", "/chat", message=QUESTION, stream=True)
    names = [event.name for event in events]
    assert names[0] == "sources"
    assert names[-1] == "done"
    assert set(names[1:-1]) == {"token", "citation"}
    done = events[-1].data
    said = "".join(event.data["text"] for event in events if event.name == "token")
    assert said == done["answer"]
    cited = [event.data for event in events if event.name == "citation"]
    assert cited == done["citations"]
    assert cited
    assert [source["index"] for source in events[0].data["sources"]] == [
        source["index"] for source in done["sources"]
    ]
    ids = [event.event_id for event in events]
    assert len(set(ids)) == len(ids)


async def test_asking_for_an_event_stream_is_enough(gateway: Gateway) -> None:
    async with gateway.stream("POST", "/chat", message=QUESTION) as (response, events):
        assert response.headers["content-type"].startswith("text/event-stream")
        assert [event async for event in events][-1].name == "done"


async def test_a_question_that_no_document_answers_is_answered_honestly(gateway: Gateway) -> None:
    answer = (await gateway.ask(threshold=0.99)).json()
    assert answer["answer"] == NOTHING_FOUND
    assert answer["finish_reason"] == "no_context"
    assert answer["model"] == "none"
    assert answer["sources"] == answer["citations"] == []
    assert answer["usage"] == {"input_tokens": 0, "output_tokens": 0, "calls": 0}
    events = await gateway.events("POST", "/chat", message=QUESTION, threshold=0.99)
    assert [event.name for event in events] == ["sources", "token", "done"]
    assert events[0].data["sources"] == []


async def test_a_stream_goes_on_after_the_last_event_that_was_seen(gateway: Gateway) -> None:
    events = await gateway.events("POST", "/chat", message=QUESTION)
    turn_id = events[0].data["turn_id"]
    for place, event in enumerate(events[:-1]):
        rest = await gateway.events("GET", f"/chat/{turn_id}/events", after=event.event_id)
        said = [one.data["text"] for one in (*events[: place + 1], *rest) if one.name == "token"]
        assert "".join(said) == events[-1].data["answer"]
        names = [one.name for one in (*events[: place + 1], *rest)]
        assert names.count("sources") == 1
        assert names.count("citation") == len(events[-1].data["citations"])
        assert names[-1] == "done"


async def test_a_client_that_has_seen_the_end_is_told_to_stay_away(gateway: Gateway) -> None:
    events = await gateway.events("POST", "/chat", message=QUESTION)
    path = f"/chat/{events[0].data['turn_id']}/events"
    async with gateway.stream("GET", path, after=events[-1].event_id) as (response, _):
        assert response.status_code == 204
    again = await gateway.events("GET", path)
    assert [again[0].name, again[-1].name] == ["sources", "done"]


async def test_a_turn_can_be_read(gateway: Gateway) -> None:
    answer = (await gateway.ask()).json()
    assert (await gateway.client.get(f"/chat/{answer['turn_id']}")).json() == answer
    cancelled = await gateway.client.post(f"/chat/{answer['turn_id']}/cancel")
    assert cancelled.json() == answer, "an answer that is whole stays"


async def test_a_conversation_keeps_its_turns_in_order(gateway: Gateway) -> None:
    first = (await gateway.ask("How long are\nbackups kept?")).json()
    conversation_id = first["conversation_id"]
    second = (await gateway.ask("And lunch?", conversation_id=conversation_id)).json()
    assert second["conversation_id"] == conversation_id
    listed = (await gateway.client.get("/api/v2/conversations?limit=1")).json()
    assert listed["has_more"] is True
    [shown] = listed["data"]
    assert shown["conversation_id"] == conversation_id
    assert shown["title"] == "How long are backups kept?"
    assert shown["turns"] == 2
    path = f"/api/v2/conversations/{conversation_id}"
    read = (await gateway.client.get(path)).json()
    assert [turn["turn_id"] for turn in read["turns"]] == [first["turn_id"], second["turn_id"]]
    assert read["has_more"] is False
    last = (await gateway.client.get(f"{path}?limit=1")).json()
    assert [turn["turn_id"] for turn in last["turns"]] == [second["turn_id"]]
    assert last["has_more"] is True
    before = (await gateway.client.get(f"{path}?before={last['first_ordinal']}")).json()
    assert [turn["turn_id"] for turn in before["turns"]] == [first["turn_id"]]


async def test_a_deleted_conversation_is_gone_with_its_answers(gateway: Gateway) -> None:
    answer = (await gateway.ask()).json()
    path = f"/api/v2/conversations/{answer['conversation_id']}"
    assert (await gateway.client.delete(path)).status_code == 204
    for method, gone in (
        ("GET", path),
        ("DELETE", path),
        ("GET", f"/chat/{answer['turn_id']}"),
        ("GET", f"/chat/{answer['turn_id']}/events"),
        ("POST", f"/chat/{answer['turn_id']}/cancel"),
    ):
        assert (await gateway.client.request(method, gone)).status_code == 404
    again = await gateway.ask(conversation_id=answer["conversation_id"])
    assert again.status_code == 404


async def test_another_tenant_sees_nothing_of_it(gateway: Gateway, world: World) -> None:
    answer = (await gateway.ask()).json()
    document_id = answer["sources"][0]["document_id"]
    stranger = await world.new_user()
    async with world.client(gateway.url, stranger) as client:
        for method, path in (
            ("GET", f"/api/v2/conversations/{answer['conversation_id']}"),
            ("DELETE", f"/api/v2/conversations/{answer['conversation_id']}"),
            ("GET", f"/chat/{answer['turn_id']}"),
            ("GET", f"/chat/{answer['turn_id']}/events"),
            ("POST", f"/chat/{answer['turn_id']}/cancel"),
        ):
            assert (await client.request(method, path)).status_code == 404
        for body in (
            {"conversation_id": answer["conversation_id"]},
            {"document_ids": [document_id]},
            {"filters": {"document_ids": [document_id]}},
        ):
            refused = await client.post("/chat", json={"message": QUESTION, **body})
            assert refused.status_code == 404, body
        assert (await client.get("/api/v2/conversations")).json()["data"] == []
        own = (await client.post("/chat", json={"message": QUESTION})).json()
        assert own["finish_reason"] == "no_context"
        found = (
            await client.post("/api/v2/search", json={"query": QUESTION, "threshold": -1})
        ).json()
        assert found["results"] == []


async def test_filters_restrict_what_is_answered_from(gateway: Gateway, world: World) -> None:
    text = "Backups of the laboratory are kept for ninety days."
    document_id = await world.index(
        None, [text], filename="lab.txt", knowledge_base="lab", metadata={"room": 7}
    )
    filters: list[dict[str, Any]] = [
        {"document_ids": [str(document_id)]},
        {"filters": {"document_ids": [str(document_id)]}},
        {"filters": {"knowledge_base": "lab"}},
        {"filters": {"metadata": {"room": 7}}},
    ]
    for body in filters:
        answer = (await gateway.ask(**body)).json()
        assert {source["filename"] for source in answer["sources"]} == {"lab.txt"}, body
    nothing = (await gateway.ask(filters={"metadata": {"room": 8}})).json()
    assert nothing["finish_reason"] == "no_context"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "invalid_request"),
        ({"message": " \n\t"}, 422, "invalid_request"),
        ({"message": "x" * 32_769}, 413, "message_too_long"),
        ({"message": "\u4e00" * 10_923}, 413, "message_too_long"),
        ({"message": "a\x00b"}, 422, "invalid_request"),
        ({"message": 7}, 422, "invalid_request"),
        ({"message": "a", "filter": {}}, 422, "invalid_request"),
        ({"message": "a", "filters": {"knowledgebase": "x"}}, 422, "invalid_request"),
        ({"message": "a", "threshold": 1.5}, 422, "invalid_request"),
        ({"message": "a", "max_chunks": 0}, 422, "invalid_request"),
        ({"message": "a", "max_chunks": 51}, 422, "invalid_request"),
        ({"message": "a", "document_ids": ["no-uuid"]}, 422, "invalid_request"),
        ({"message": "a", "document_ids": [str(new_id())]}, 404, "not_found"),
        ({"message": "a", "conversation_id": str(new_id())}, 404, "not_found"),
        (
            {"message": "a", "document_ids": [], "filters": {"document_ids": []}},
            422,
            "invalid_request",
        ),
    ],
)
async def test_a_wrong_question_is_refused_with_a_reason(
    gateway: Gateway, body: dict[str, Any], status: int, code: str
) -> None:
    refused = await gateway.client.post("/chat", json=body)
    assert refused.status_code == status, refused.text
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["code"] == code
    assert refused.json()["detail"]


async def test_a_message_of_a_megabyte_is_refused_before_it_costs_anything(
    gateway: Gateway,
) -> None:
    refused = await gateway.client.post("/chat", json={"message": "x" * 1_000_000})
    assert refused.status_code == 413


async def test_search_returns_ranked_passages(gateway: Gateway) -> None:
    found = (
        await gateway.client.post(
            "/api/v2/search", json={"query": "When is lunch?", "threshold": -1}
        )
    ).json()
    results = found["results"]
    assert [result["rank"] for result in results] == list(range(1, len(results) + 1))
    scores = [result["score"] for result in results]
    assert scores == sorted(scores, reverse=True)
    best = results[0]
    assert best["text"] == HANDBOOK[1]
    assert (best["vector_rank"], best["lexical_rank"], best["is_context"]) == (1, 1, True)
    assert best["lexical_score"] > 0
    context = best["context"]
    assert context["text"] == "\n\n".join(HANDBOOK)[context["char_start"] : context["char_end"]]
    assert best["text"] in context["text"]
    assert best["page"] == best["page_last"] == 2
    assert best["char_end"] - best["char_start"] == len(best["text"])
    assert found["embedding_model"] == "wordllama-256"
    assert found["threshold"] == -1


async def test_search_keeps_to_its_threshold_and_count(gateway: Gateway) -> None:
    search = gateway.client.post
    query = {"query": "When is lunch?"}
    one = (await search("/api/v2/search", json={**query, "max_results": 1, "threshold": -1})).json()
    assert len(one["results"]) == 1
    none = (await search("/api/v2/search", json={**query, "threshold": 1})).json()
    assert [result["is_context"] for result in none["results"]] == [False]
    by_vector = {**query, "threshold": 1, "legs": ["vector"]}
    assert (await search("/api/v2/search", json=by_vector)).json()["results"] == []
    alone = (await search("/api/v2/search", json={**query, "neighbours": 0})).json()["results"][0]
    assert alone["context"]["text"] == alone["text"]
    for wrong in (
        {"query": " "},
        {**query, "max_results": 0},
        {**query, "filters": {"x": 1}},
        {**query, "legs": []},
        {**query, "legs": ["both"]},
        {**query, "neighbours": 11},
    ):
        assert (await search("/api/v2/search", json=wrong)).status_code == 422


async def test_a_citation_on_the_second_page_of_a_passage_says_so(
    gateway: Gateway, world: World
) -> None:
    pages = (
        "The archive holds paper files.\n\nIt is in the cellar.",
        "",
        "The archivist answers within two days. Copies cost one euro.",
    )
    length = len("\n\n".join(pages))
    document_id = await world.index([(1, 3, 0, length)], pages, filename="archive.txt")
    answer = (
        await gateway.ask(
            "How fast does the archivist answer?", document_ids=[str(document_id)], threshold=-1
        )
    ).json()
    pages_cited = {citation["quote"]: citation["page"] for citation in answer["citations"]}
    assert pages_cited["The archivist answers within two days."] == 3


async def test_an_agent_answers_like_chat(gateway: Gateway) -> None:
    body = {"agent": "answer", "input": QUESTION}
    answer = (await gateway.client.post("/agents/query", json=body)).json()
    assert "thirty days" in answer["answer"]
    assert answer["agent"] == "answer"
    refused = await gateway.client.post("/agents/query", json={**body, "agent": "oracle"})
    assert refused.status_code == 422
    assert "answer" in refused.json()["detail"]


async def test_the_gateway_offers_the_agents_that_the_responder_has(world: World) -> None:
    assert set(AGENTS) == set(world.agents([]))


async def test_the_status_shows_workers_and_whom_they_ask(gateway: Gateway) -> None:
    await gateway.ask()
    status = (await gateway.client.get("/agents/status")).json()
    assert status["unknown"] is None
    assert [agent["name"] for agent in status["agents"]] == list(AGENTS)
    workers = {worker["name"]: worker for worker in status["workers"]}
    assert workers["responder"]["replicas"] == 1
    assert workers["responder"]["lag"] >= 0
    assert (workers["responder"]["provider"], workers["responder"]["model"]) == (
        "local",
        "extractive",
    )
    assert workers["responder"]["started_at"] is not None
    topics = {topic["topic"]: topic for topic in workers["responder"]["topics"]}
    assert list(topics) == ["chat.requested.v1", *retry_topics("responder")]
    assert workers["parser"]["provider"] is None, "it never started"
    assert workers["parser"]["replicas"] == 0


async def test_without_a_model_a_follow_up_is_searched_as_it_is_and_says_so(
    gateway: Gateway,
) -> None:
    first = (await gateway.ask()).json()
    turn = (await gateway.ask(QUESTION, conversation_id=first["conversation_id"])).json()
    [step] = turn["steps"]
    assert (step["kind"], step["error"]["code"]) == ("rewrite", "model_required")
    assert "OPENAI_API_KEY" in step["error"]["message"]
    assert turn["standalone_question"] is None
    assert "thirty days" in turn["answer"]


async def test_without_a_model_the_oldest_of_a_long_conversation_is_left_out_and_said(
    gateway: Gateway, world: World
) -> None:
    conversation_id = await world.told(10, 2_000)
    turn = (await gateway.ask(QUESTION, conversation_id=str(conversation_id))).json()
    assert [step["error"]["code"] for step in turn["steps"]] == ["model_required"] * 2
    assert turn["steps"][0]["result"] == "The oldest 5 are left out."


@pytest.mark.parametrize("agent", ["summarize", "research"])
async def test_without_a_model_an_agent_that_needs_one_refuses_before_anything_is_stored(
    gateway: Gateway, agent: str
) -> None:
    before = (await gateway.client.get("/api/v2/conversations")).json()["data"]
    for path, body in (
        ("/chat", {"message": QUESTION, "agent": agent}),
        ("/agents/query", {"input": QUESTION, "agent": agent}),
    ):
        refused = await gateway.client.post(path, json=body)
        assert (refused.status_code, refused.json()["code"]) == (409, "model_required")
        assert "OPENAI_API_KEY" in refused.json()["detail"]
    assert (await gateway.client.get("/api/v2/conversations")).json()["data"] == before


async def test_the_search_agent_needs_no_model(gateway: Gateway) -> None:
    body = {"agent": "search", "input": QUESTION}
    turn = (await gateway.client.post("/agents/query", json=body)).json()
    assert (turn["agent"], turn["model"], turn["finish_reason"]) == ("search", "none", "stop")
    assert HANDBOOK[0] in turn["answer"]
    assert [step["kind"] for step in turn["steps"]] == ["search"]
    assert [cited["index"] for cited in turn["citations"]] == list(
        range(1, len(turn["sources"]) + 1)
    )
    whole = next(cited for cited in turn["citations"] if cited["filename"] == "handbook.txt")
    assert whole["quote"] == "\n\n".join(HANDBOOK)[whole["char_start"] : whole["char_end"]]
    nothing = (await gateway.ask(agent="search", threshold=0.99)).json()
    assert (nothing["finish_reason"], nothing["answer"]) == ("no_context", NOTHING_FOUND)
