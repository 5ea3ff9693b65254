"""Gateways and responders of the tests' own, on the real broker and the real database."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import httpx
import msgspec
import pytest
import pytest_asyncio

from contracts.artefacts import ParsedDocument, ParsedPage, encode_artefact
from contracts.conversations import QuestionAsked, Usage
from contracts.errors import RaglineError
from contracts.ids import ConversationId, DocumentId, TurnId, new_id
from contracts.text import join_pages
from contracts.topics import CHAT_DELTAS, TOPICS
from gateway.app import Collaborators, create_app
from gateway.auth.tokens import Tokens
from gateway.conversations.deltas import DeltaHub
from gateway.outbox import OutboxRelay
from gateway.server import GatewayServer, listen, server_config
from gateway.sse import EventStreams
from providers.blobs.factory import create_blobs
from providers.blobs.protocol import BlobStore
from providers.chat.factory import create_chat
from providers.chat.metering import count
from providers.chat.protocol import ChatModel, Finished, Piece, Prompt
from providers.embedding.factory import default_embedding_model
from retrieval import EmbeddingModels, Retriever
from runtime.clock import SystemClock
from runtime.delivery.broker import create_broker
from runtime.delivery.process import readings_of
from runtime.delivery.settle import Settler
from runtime.embedded import EmbeddedKafka, EmbeddedPostgres
from runtime.health import Health
from runtime.kafka import KafkaConnection, Publisher, TopicAdmin
from runtime.settings import Settings
from store import Store
from store.accounts import User
from store.chunks import NewChunk
from store.documents import NewDocument
from store.migrate import ensure_generation, migrate
from store.turns import Turn
from tests.fixtures.openai_server import OpenAIServer
from tests.fixtures.servers import fresh_database
from workers.responder.agents import Agent, PageStarts, create_agents
from workers.responder.app import build
from workers.responder.core.condensing import CONDENSE
from workers.responder.core.prompt import SYSTEM as ANSWER
from workers.responder.core.researching import SPLIT, WEIGH
from workers.responder.core.rewriting import REWRITE
from workers.responder.core.summarizing import MERGE, READ, SUMMARIZE_NOTES, SUMMARIZE_PASSAGES
from workers.responder.handler import handle

HANDBOOK = (
    "Backups are kept for thirty days. After that they are deleted.",
    "Lunch is served from noon. The canteen is closed on Mondays.",
    "Travel is booked by the travel office. Flights under four hours are economy class.",
)
ENDED = {"done", "failed", "cancelled"}
QUESTION = "How long are backups kept?"


@dataclass(frozen=True)
class Event:
    """One server-sent event."""

    name: str
    data: Any
    event_id: str | None


@dataclass
class Gateway:
    """A gateway that listens, and a client of it that is logged in."""

    url: str
    #: None where it is another process.
    hub: DeltaHub | None
    client: httpx.AsyncClient

    async def ask(self, message: str = QUESTION, **more: Any) -> httpx.Response:
        return await self.client.post("/chat", json={"message": message, **more})

    @asynccontextmanager
    async def stream(
        self, method: str, path: str, *, after: str | None = None, **body: Any
    ) -> AsyncGenerator[tuple[httpx.Response, AsyncIterator[Event]]]:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": after} if after else {})
        async with self.client.stream(method, path, headers=headers, json=body or None) as response:
            yield response, events_of(response)

    async def ended(self, path: str) -> dict[str, Any]:
        """Return the turn at ``path`` when it has ended."""
        async with asyncio.timeout(20):
            while (turn := (await self.client.get(path)).json())["state"] not in ENDED:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        return dict(turn)

    async def events(self, method: str, path: str, **more: Any) -> list[Event]:
        """Return the whole stream."""
        async with self.stream(method, path, **more) as (response, events):
            assert response.status_code == 200, await response.aread()
            return [event async for event in events]


async def events_of(response: httpx.Response) -> AsyncIterator[Event]:
    fields: dict[str, str] = {}
    async for line in response.aiter_lines():
        if line.startswith(":"):
            continue
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields:
            yield Event(fields["event"], msgspec.json.decode(fields["data"]), fields.get("id"))
            fields = {}


class ScriptedModel:
    """A chat model that says its pieces at the pace that a test wants, and keeps its prompts."""

    provider = "local"
    is_local_twin = True

    def __init__(
        self, *steps: str | RaglineError, name: str = "scripted", delay: float = 0.0
    ) -> None:
        self.name = name
        self._steps = steps
        self._delay = delay
        self.prompts: list[Prompt] = []
        #: How many calls were closed, by their end or before it.
        self.closed = 0
        #: A model that is not released says its first piece and waits.
        self.released = asyncio.Event()
        self.released.set()

    async def answer(self, prompt: Prompt) -> AsyncGenerator[Piece | Finished]:
        self.prompts.append(prompt)
        usage = Usage(input_tokens=10, calls=1)
        try:
            for step in self._steps:
                if isinstance(step, RaglineError):
                    raise step
                yield Piece(text=step)
                await asyncio.sleep(self._delay)
                await self.released.wait()
            usage = Usage(input_tokens=10, output_tokens=5, calls=1)
            yield Finished(reason="stop", model=self.name, usage=usage)
        finally:
            count(usage)
            self.closed += 1

    async def close(self) -> None:
        return


async def until(condition: Callable[[], bool], *, seconds: float = 20) -> None:
    """Wait until the condition holds; fail when it does not in time."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@dataclass
class World:
    """One tenant's user with documents, and what their gateways and responders share."""

    settings: Settings
    store: Store
    connection: KafkaConnection
    blobs: BlobStore
    embedding: EmbeddingModels
    user: User

    @asynccontextmanager
    async def gateway(
        self,
        *,
        hears: KafkaConnection | None = None,
        streams: EventStreams | None = None,
        **changes: Any,
    ) -> AsyncGenerator[Gateway]:
        """Run a gateway, with a relay of its own; it hears deltas from where ``hears`` says."""
        settings = self.settings.with_values(**changes)
        publisher = Publisher(self.connection, client_id="test-gateway")
        instance = f"gateway-{secrets.token_hex(4)}"
        hub = DeltaHub(self.store, hears or self.connection, CHAT_DELTAS.partitions, instance)
        given = Collaborators(
            store=self.store,
            blobs=self.blobs,
            embedding=self.embedding,
            kafka=self.connection,
            publisher=publisher,
            delta_hub=hub,
            providers={"embedding": "wordllama-256", "answering": "extractive"},
            streams=streams or EventStreams(),
        )
        relay = OutboxRelay(store=self.store, publisher=publisher, tenant_in_flight=500)
        address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        server = GatewayServer(
            server_config(create_app(settings, given), settings),
            listening=address.set_result,
            stopping=given.streams.stop,
        )
        serving = asyncio.create_task(server._serve([listen(settings)]))  # noqa: SLF001 - `serve` takes signals
        relaying = asyncio.create_task(relay.run())
        try:
            url = await asyncio.wait_for(address, 30)
            async with self.client(url, self.user) as client:
                yield Gateway(url, hub, client)
        finally:
            server.should_exit = True
            await serving
            relaying.cancel()
            await asyncio.gather(relaying, return_exceptions=True)
            await publisher.stop()

    def client(self, url: str, user: User) -> httpx.AsyncClient:
        token = Tokens.of(self.settings, SystemClock()).issue(user)
        return httpx.AsyncClient(
            base_url=url,
            timeout=60,
            trust_env=False,
            headers={"Authorization": f"Bearer {token}"},
        )

    @asynccontextmanager
    async def responder(self, models: Sequence[ChatModel] | None = None) -> AsyncGenerator[None]:
        """Run a responder in the group of the responders, as it is built for a process."""
        clock = SystemClock()
        publisher = Publisher(self.connection, client_id="test-responder")
        async with build(self.settings, Health()) as built:
            worker = replace(built, drain_seconds=1.0)
            if models is not None:
                handling = cast("partial[Any]", built.handle).keywords
                agents = self.agents(models)
                worker = replace(worker, handle=partial(handle, **(handling | {"agents": agents})))
            settler = Settler(worker, publisher, clock)
            readings = readings_of(worker, settler, clock)
            broker, subscribers = create_broker(worker.name, self.connection, settler, readings)
            await broker.start()
            try:
                yield
            finally:
                for subscriber in subscribers:
                    await subscriber.stop_reading()
                    await subscriber.intake.drain()
                await broker.stop()
                await publisher.stop()

    def agent(self, models: Sequence[ChatModel] | None = None) -> Agent:
        return self.agents(models or create_chat(self.settings))["answer"]

    def agents(self, models: Sequence[ChatModel], *, tokens: int = 1_000_000) -> dict[str, Agent]:
        return create_agents(
            self.store,
            Retriever.of(self.settings, self.store, self.embedding),
            PageStarts(self.store, self.blobs),
            models,
            tokens=tokens,
        )

    async def new_user(self) -> User:
        """Register somebody else, with a tenant of their own."""
        name = secrets.token_hex(8)
        async with self.store.system() as tx:
            return await tx.accounts.register(name, f"{name}@example.org", "hash")

    async def index(
        self,
        chunks: Sequence[tuple[int, int, int, int]] | None,
        pages: Sequence[str],
        *,
        user: User | None = None,
        filename: str = "handbook.txt",
        **changes: Any,
    ) -> DocumentId:
        """Index pages as chunks (page_first, page_last, start, end); a chunk a page by default."""
        tenant = (user or self.user).tenant_id
        text, starts = join_pages(pages)
        chunks = chunks or [
            (number, number, start, start + len(page))
            for number, (start, page) in enumerate(zip(starts, pages, strict=True), start=1)
        ]
        given = {"knowledge_base": "default", "metadata": {}} | changes
        async with self.store.tenant(tenant) as tx:
            document = await tx.documents.accept(
                _new_document(tenant, text, filename=filename, **given), trace_id=None
            )
        key = f"{document.document_id}/artefact"
        parsed = ParsedDocument(
            pages=tuple(ParsedPage(number=n, text=page) for n, page in enumerate(pages, start=1)),
            parser="test",
        )
        await self.blobs.put(key, encode_artefact(parsed))
        model = await self.embedding.get(default_embedding_model(self.settings))
        texts = [text[start:end] for _, _, start, end in chunks]
        vectors = (await model.embed(texts)).vectors
        which = (document.document_id, document.version)
        async with self.store.tenant(tenant) as tx:
            await tx.documents.mark_parsed(
                *which,
                artefact_key=key,
                parser="test",
                pages=len(pages),
                characters=len(text),
                pages_billed=0,
            )
            await tx.parts.expect(*which, 1, part_count=1, chunks_total=len(chunks))
            rows = [
                NewChunk(
                    chunk_id=new_id(),  # type: ignore[arg-type]
                    ordinal=ordinal,
                    page_first=page_first,
                    page_last=page_last,
                    char_start=start,
                    char_end=end,
                    text=text[start:end],
                    text_hash=secrets.token_bytes(32),
                    vector=vectors[ordinal],
                )
                for ordinal, (page_first, page_last, start, end) in enumerate(chunks)
            ]
            await tx.chunks.insert(1, *which, 0, rows)
            await tx.parts.complete(*which, 1, chunks=len(chunks), tokens=0)
            await tx.jobs.finish(document.job_id)
        return document.document_id

    async def accepted(self, filename: str) -> DocumentId:
        """Take a document in; nothing works on it."""
        tenant = self.user.tenant_id
        new = _new_document(tenant, "x", filename=filename, knowledge_base="default", metadata={})
        async with self.store.tenant(tenant) as tx:
            return (await tx.documents.accept(new, trace_id=None)).document_id

    async def asked(
        self, message: str = QUESTION, *, agent: str = "answer", **filters: Any
    ) -> QuestionAsked:
        """Store a question as a gateway does, and return its event; nothing is published."""
        turn_id = TurnId(new_id())
        async with self.store.tenant(self.user.tenant_id) as tx:
            conversation = await tx.conversations.create(self.user.user_id, "test")
            await tx.turns.ask(
                turn_id,
                conversation.conversation_id,
                agent=agent,
                question=message,
                options={"filters": filters} if filters else {},
                reply_partition=7,
                trace_id=None,
            )
        return QuestionAsked(
            tenant_id=self.user.tenant_id,
            conversation_id=conversation.conversation_id,
            turn_id=turn_id,
            user_id=self.user.user_id,
            agent=agent,
            reply_partition=7,
        )

    async def answered(self, event: QuestionAsked, agents: Mapping[str, Agent]) -> Turn:
        """Handle the event as a responder with these agents does, and return the turn."""
        publisher = Publisher(self.connection, client_id="test-deltas", acks=1)
        try:
            await handle(
                event, store=self.store, agents=agents, publisher=publisher, lease_seconds=15
            )
        finally:
            await publisher.stop()
        async with self.store.tenant(event.tenant_id) as tx:
            turn = await tx.turns.get(event.turn_id)
        assert turn is not None
        return turn

    async def told(self, count: int, characters: int) -> ConversationId:
        """Begin a conversation of so many answered turns, each answer of so many characters."""
        async with self.store.tenant(self.user.tenant_id) as tx:
            talk = await tx.conversations.create(self.user.user_id, "long")
            await tx.connection.change(
                "INSERT INTO turns (turn_id, tenant_id, conversation_id, agent, question, answer,"
                " reply_partition, state, ordinal) SELECT gen_random_uuid(), current_tenant(), $1,"
                " 'answer', 'Question ' || n, repeat('x', $3 - 12) || ' the end ' || n, 0, 'done',"
                " n FROM generate_series(1, $2) AS n",
                talk.conversation_id,
                count,
                characters,
            )
        return talk.conversation_id


def _new_document(tenant: Any, text: str, **given: Any) -> NewDocument:
    sha256 = secrets.token_bytes(32)
    document_id = DocumentId(new_id())
    return NewDocument(
        document_id=document_id,
        sha256=sha256,
        media_type="text/plain",
        size=len(text),
        blob_key_for=lambda version: f"{tenant}/{document_id}/{version}",
        **given,
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(
    postgres_server: EmbeddedPostgres,
    kafka_server: EmbeddedKafka,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[World]:
    """A database, the topics of conversations, and a user with one indexed document."""
    blobs: Path = tmp_path_factory.mktemp("blobs")
    connection = KafkaConnection(servers=kafka_server.bootstrap_servers)
    with fresh_database(postgres_server.dsn) as dsn:
        settings = Settings(
            _env_file=None,
            environment="test",
            database_url=dsn,
            kafka_bootstrap_servers=kafka_server.bootstrap_servers,
            blob_url=blobs.as_uri(),
            jwt_secret=secrets.token_urlsafe(48),
            port=0,
            answer_timeout=30,
            drain_seconds=2,
        )
        await migrate(dsn)
        await ensure_generation(
            dsn, strategy="sentence_5", embedding_model="wordllama-256", dimensions=256
        )
        topics = [topic for topic in TOPICS if topic.name.startswith(("chat.", "responder."))]
        async with TopicAdmin(connection) as admin:
            await admin.apply(topics, replication=1, partitions_cap=4)
        store = await Store.connect(dsn, pool_size=10)
        embedding = EmbeddingModels.of(settings)
        name = secrets.token_hex(8)
        async with store.system() as tx:
            user = await tx.accounts.register(name, f"{name}@example.org", "hash")
        world = World(
            settings=settings,
            store=store,
            connection=connection,
            blobs=create_blobs(blobs.as_uri()),
            embedding=embedding,
            user=user,
        )
        await world.index(None, HANDBOOK)
        yield world
        await embedding.close()
        await store.close()


Reply = str | Callable[[Any], str]
#: What a request is for, by its system prompt.
KINDS = {
    ANSWER: "answer",
    CONDENSE: "condense",
    REWRITE: "rewrite",
    SPLIT: "split",
    WEIGH: "weigh",
    READ: "read",
    MERGE: "merge",
    SUMMARIZE_NOTES: "summary",
    SUMMARIZE_PASSAGES: "summary",
}


@dataclass
class Scripted:
    """A gateway and a responder whose model is a server that speaks OpenAI's protocol."""

    gateway: Gateway
    server: OpenAIServer
    models: Sequence[ChatModel]
    #: What it says to each kind of request; a test replaces what it needs.
    replies: dict[str, Reply]

    def reply(self, asked: Any) -> str:
        said = self.replies[KINDS[asked["messages"][0]["content"]]]
        return said if isinstance(said, str) else said(asked)

    def asked(self, kind: str) -> list[list[dict[str, str]]]:
        """Return the messages of every request of this kind, without the system prompt."""
        requests = [request.json["messages"] for request in self.server.requests]
        return [messages[1:] for messages in requests if KINDS[messages[0]["content"]] == kind]

    async def turn(self, message: str, **more: Any) -> dict[str, Any]:
        """Ask, and return the turn that ended well."""
        response = await self.gateway.ask(message, **more)
        assert response.status_code == 200, response.text
        turn: dict[str, Any] = response.json()
        return turn


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scripted_stack(world: World) -> AsyncIterator[Scripted]:
    async with OpenAIServer() as server:
        given = {
            "openai_base_url": server.base_url,
            "openai_api_key": server.key,
            "embedding_model": "wordllama-256",
            "chat_model": "scripted-model",
        }
        models = create_chat(world.settings.with_values(**given))
        async with world.responder(models), world.gateway(**given) as gateway:
            scripted = Scripted(gateway, server, models, {})
            server.text = scripted.reply
            yield scripted
        for model in models:
            await model.close()


@pytest.fixture
def scripted(scripted_stack: Scripted) -> Scripted:
    """The stack with a model that answers from the first passage, and nothing asked of it yet."""
    scripted_stack.server.requests.clear()
    scripted_stack.server.script.clear()
    scripted_stack.replies = {"answer": "It is thirty days [1]."}
    return scripted_stack
