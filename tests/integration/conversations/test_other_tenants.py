"""Two tenants with the same document: whatever one asks for by the other's ids does not exist."""

import re
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, cast

import httpx
import pytest
import pytest_asyncio

from gateway.auth.access import ACCESS, Whose
from tests.integration.conversations.conftest import HANDBOOK, QUESTION, World

pytestmark = pytest.mark.asyncio(loop_scope="module")

PASSWORD = "correct horse battery"
NOBODYS = "00000000-0000-4000-8000-000000000001"

Endpoint = tuple[str, str]
Body = dict[str, Any]

#: What names a thing of a tenant, in the path.
NAMED: list[Endpoint] = [
    endpoint
    for endpoint, access in ACCESS.items()
    if "{" in endpoint[1] and access.whose is not Whose.installation
]
#: What names a thing that not even others of the same tenant see.
PRIVATE = [endpoint for endpoint in NAMED if ACCESS[endpoint].whose is not Whose.tenant]
OPERATED = [
    endpoint
    for endpoint, access in ACCESS.items()
    if "{" in endpoint[1] and access.whose is Whose.installation
]
LISTS = ["/api/v2/documents", "/api/v2/jobs", "/api/v2/conversations", "/api/v2/auth/api-keys"]


@dataclass(frozen=True)
class Tenants:
    """Two tenants, and somebody else in the first; clients of the same gateway."""

    ada: httpx.AsyncClient
    bob: httpx.AsyncClient
    colleague: httpx.AsyncClient
    #: What Ada has, by the name that a path or body has for it.
    ids: dict[str, str]
    #: Bob's document, of the same text as Ada's.
    bobs_document: str


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tenants(world: World) -> AsyncIterator[Tenants]:
    other = await world.new_user()
    bobs_document = await world.index(None, HANDBOOK, user=other)
    async with (
        world.responder(),
        world.gateway() as gateway,
        world.client(gateway.url, other) as bob,
        httpx.AsyncClient(base_url=gateway.url, timeout=60, trust_env=False) as colleague,
    ):
        ada = gateway.client
        await _join(ada, colleague)
        ids = await _belongings(world, ada)
        # Neither may be told from a made-up one by what Bob has himself.
        await _ok(bob.post("/chat", json={"message": QUESTION}))
        await _ok(bob.post("/api/v2/auth/api-keys", json={"name": "Bob's"}))
        yield Tenants(ada, bob, colleague, ids, str(bobs_document))


async def _join(admin: httpx.AsyncClient, client: httpx.AsyncClient) -> None:
    who = {"email": f"{secrets.token_hex(6)}@example.org", "password": PASSWORD}
    await _ok(admin.post("/api/v2/auth/users", json=who | {"role": "member"}))
    session = await _ok(client.post("/api/v2/auth/login", json=who))
    client.headers["Authorization"] = f"Bearer {session['access_token']}"


async def _belongings(world: World, ada: httpx.AsyncClient) -> dict[str, str]:
    [document] = (await _ok(ada.get("/api/v2/documents")))["data"]
    [job] = (await _ok(ada.get("/api/v2/jobs")))["data"]
    key = await _ok(ada.post("/api/v2/auth/api-keys", json={"name": "Ada's"}))
    turn = await _ok(ada.post("/chat", json={"message": QUESTION}))
    tenant, document_id = world.user.tenant_id, document["document_id"]
    await world.blobs.put(f"{tenant}/{document_id}/1", b"x" * document["size"])
    return {
        "document_id": document_id,
        "job_id": job["job_id"],
        "key_id": key["key_id"],
        "conversation_id": turn["conversation_id"],
        "turn_id": turn["turn_id"],
    }


async def _ok(answering: Any) -> Any:
    answer = cast("httpx.Response", await answering)
    assert answer.is_success, answer.text
    return answer.json()


async def call(client: httpx.AsyncClient, endpoint: Endpoint, ids: dict[str, str]) -> Any:
    """Return the status and the problem that the endpoint answers with for these ids."""
    method, path = endpoint
    body = {} if method == "POST" else None
    answer = await client.request(method, _filled(path, ids), json=body)
    assert answer.is_client_error, answer.text
    return answer.status_code, answer.json() | {"instance": None}


def _filled(path: str, ids: dict[str, str]) -> str:
    return re.sub(r"{(\w+)}", lambda found: ids.get(found[1], NOBODYS), path)


@pytest.mark.parametrize("endpoint", NAMED, ids=" ".join)
async def test_a_thing_of_another_tenant_is_as_one_that_is_not(
    tenants: Tenants, endpoint: Endpoint
) -> None:
    made_up = await call(tenants.bob, endpoint, dict.fromkeys(tenants.ids, NOBODYS))
    assert made_up[0] == 404
    assert await call(tenants.bob, endpoint, tenants.ids) == made_up


@pytest.mark.parametrize("endpoint", PRIVATE, ids=" ".join)
async def test_neither_is_what_belongs_to_a_colleague(tenants: Tenants, endpoint: Endpoint) -> None:
    made_up = await call(tenants.colleague, endpoint, dict.fromkeys(tenants.ids, NOBODYS))
    assert made_up[0] == 404
    assert await call(tenants.colleague, endpoint, tenants.ids) == made_up


@pytest.mark.parametrize("endpoint", OPERATED, ids=" ".join)
async def test_what_operators_see_is_refused_before_it_is_looked_up(
    tenants: Tenants, endpoint: Endpoint
) -> None:
    there = {"generation_id": "1"}  # the active one
    missing = {"generation_id": "999999"}
    refused = await call(tenants.bob, endpoint, missing)
    assert refused[0] == 403
    assert await call(tenants.bob, endpoint, there) == refused


def _of_document(document: str) -> list[tuple[str, Body]]:
    filters = {"document_ids": [document]}
    return [
        ("/api/v2/search", {"query": QUESTION, "filters": filters}),
        ("/chat", {"message": QUESTION, "document_ids": [document]}),
        ("/chat", {"message": QUESTION, "filters": filters}),
        ("/agents/query", {"agent": "answer", "input": QUESTION, "document_ids": [document]}),
        ("/agents/query", {"agent": "answer", "input": QUESTION, "filters": filters}),
    ]


def _in_conversation(conversation: str) -> list[tuple[str, Body]]:
    return [
        ("/chat", {"message": QUESTION, "conversation_id": conversation}),
        ("/chat", {"message": QUESTION, "conversation_id": conversation, "stream": True}),
        ("/agents/query", {"agent": "answer", "input": QUESTION, "conversation_id": conversation}),
    ]


@pytest.mark.parametrize(
    ("bodies", "name"),
    [(_of_document, "document_id"), (_in_conversation, "conversation_id")],
)
async def test_a_question_that_names_another_tenants_thing_is_as_of_one_that_is_not(
    tenants: Tenants, bodies: Callable[[str], list[tuple[str, Body]]], name: str
) -> None:
    made_up = [await _asked(tenants.bob, *given, about=NOBODYS) for given in bodies(NOBODYS)]
    wanted = tenants.ids[name]
    theirs = [await _asked(tenants.bob, *given, about=wanted) for given in bodies(wanted)]
    assert {status for status, _ in made_up} == {404}
    assert theirs == made_up
    # In the company of an own one, too.
    if name == "document_id":
        both = [tenants.bobs_document, tenants.ids[name]]
        body = {"query": QUESTION, "filters": {"document_ids": both}}
        assert (await tenants.bob.post("/api/v2/search", json=body)).status_code == 404


async def _asked(
    client: httpx.AsyncClient, path: str, body: Body, *, about: str
) -> tuple[int, Body]:
    """Return the answer without what tells it from others: its reference, and the asked id."""
    answer = await client.post(path, json=body)
    problem = answer.json() | {"instance": None}
    return answer.status_code, problem | {"detail": problem["detail"].replace(about, "it")}


async def test_answers_and_passages_come_from_the_own_documents_alone(tenants: Tenants) -> None:
    theirs = tenants.ids["document_id"]
    answers = [
        await tenants.bob.post("/api/v2/search", json={"query": QUESTION}),
        await tenants.bob.post("/chat", json={"message": QUESTION}),
        await tenants.bob.post("/agents/query", json={"agent": "answer", "input": QUESTION}),
    ]
    for answer in answers:
        assert answer.status_code == 200, answer.text
        assert tenants.bobs_document in answer.text
        assert theirs not in answer.text


@pytest.mark.parametrize("path", LISTS)
async def test_lists_show_nothing_of_the_other_from_whatever_id_they_go_on(
    tenants: Tenants, path: str
) -> None:
    for after in (None, *tenants.ids.values()):
        query = {} if after is None else {"after": after}
        answer = await tenants.bob.get(path, params=query)
        assert answer.status_code == 200, answer.text
        assert [value for value in tenants.ids.values() if value in answer.text] == []


async def test_what_the_other_used_is_not_shown(world: World, tenants: Tenants) -> None:
    newcomer = await world.new_user()
    async with world.client(str(tenants.bob.base_url), newcomer) as client:
        used = (await _ok(client.get("/api/v2/usage")))["total"]
    assert set(used.values()) == {0}
    assert (await _ok(tenants.ada.get("/api/v2/usage")))["total"]["questions"] == 1


async def test_processing_everything_again_takes_the_own_documents_alone(tenants: Tenants) -> None:
    body = {"limit": 1, "after": tenants.ids["document_id"]}
    answer = await _ok(tenants.bob.post("/api/v2/documents/reprocess", json=body))
    assert tenants.ids["document_id"] not in str(answer)


async def test_everything_is_there_and_untouched_for_its_owner(tenants: Tenants) -> None:
    for method, path in NAMED:
        if method == "GET":
            answer = await tenants.ada.get(_filled(path, tenants.ids))
            assert answer.status_code == 200, (path, answer.text)
    key = await _ok(tenants.ada.get(f"/api/v2/auth/api-keys/{tenants.ids['key_id']}"))
    assert key["revoked_at"] is None
    turn = await _ok(tenants.ada.get(f"/chat/{tenants.ids['turn_id']}"))
    assert turn["state"] == "done"
