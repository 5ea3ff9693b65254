"""Builds the responder's clients and puts its handler on them."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from contracts.topics import INPUTS
from providers.blobs.factory import configured_blobs
from providers.chat.factory import create_chat
from retrieval import EmbeddingModels, Retriever
from runtime.delivery import Worker
from runtime.health import Health
from runtime.kafka import KafkaConnection, Publisher
from runtime.settings import Settings
from store.connecting import connect
from store.reporting import WorkerReporter
from workers.responder.agents import PageStarts, create_agents
from workers.responder.handler import give_up, handle
from workers.responder.settings import ResponderSettings


@asynccontextmanager
async def build(settings: Settings, health: Health) -> AsyncGenerator[Worker]:
    """Yield the worker; its clients are closed afterwards."""
    own = ResponderSettings.of(settings)
    chat = create_chat(settings)
    async with AsyncExitStack() as stack:
        for model in chat:
            stack.push_async_callback(model.close)
        store = await stack.enter_async_context(connect(settings, application="responder"))
        embedding = EmbeddingModels.of(settings)
        stack.push_async_callback(embedding.close)
        # Deltas have a producer of their own: none of them waits behind a durable record.
        deltas = Publisher(
            KafkaConnection.of(settings), client_id="ragline-responder-deltas", acks=1
        )
        stack.push_async_callback(deltas.stop)
        reporter = WorkerReporter(store, "responder", provider=chat[0].provider, model=chat[0].name)
        await stack.enter_async_context(reporter)
        health.add("database", store.check)
        pages = PageStarts(store, configured_blobs(settings))
        retriever = Retriever.of(settings, store, embedding)
        tokens = settings.agent_token_budget
        yield Worker(
            name="responder",
            topic=INPUTS["responder"],
            concurrency=own.concurrency,
            drain_seconds=own.drain_seconds,
            drains_on_revoke=False,  # an answer is owned by its lease, whoever has the partition
            handle=partial(
                handle,
                store=store,
                agents=create_agents(store, retriever, pages, chat, tokens=tokens),
                publisher=deltas,
                lease_seconds=own.lease_seconds,
                noted=reporter.note,
            ),
            give_up=partial(give_up, store=store),
        )
