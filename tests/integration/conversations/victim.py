"""A responder that begins to answer one question and is killed: `python -m … DSN KAFKA EVENT`."""

import asyncio
import sys
import tempfile
from pathlib import Path

import structlog

from contracts.codec import decode
from contracts.topics import CHAT_REQUESTED
from providers.blobs.factory import create_blobs
from retrieval import EmbeddingModels, Retriever
from runtime.kafka import KafkaConnection, Publisher
from runtime.settings import Settings
from store import Store
from tests.integration.conversations.conftest import ScriptedModel
from workers.responder.agents import AnswerAgent, Finder, PageStarts
from workers.responder.handler import handle


class Speaking(ScriptedModel):
    """Says one word, says so, and then nothing for ever."""

    def __init__(self) -> None:
        super().__init__("Half ", "never said")
        self.released.clear()


async def main(dsn: str, servers: str, event: str) -> None:
    """Answer until killed."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    settings = Settings(_env_file=None, environment="test", database_url=dsn)
    store = await Store.connect(dsn, pool_size=3)
    model = Speaking()
    pages = PageStarts(store, create_blobs(Path(tempfile.mkdtemp()).as_uri()))
    retriever = Retriever.of(settings, store, EmbeddingModels.of(settings))
    agent = AnswerAgent(Finder(retriever, pages), [model])
    answering = asyncio.create_task(
        handle(
            decode(CHAT_REQUESTED, event.encode()),
            store=store,
            agents={"answer": agent},
            publisher=Publisher(KafkaConnection(servers=servers), client_id="victim", acks=1),
            lease_seconds=3,
        )
    )
    while not model.prompts:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    sys.stdout.write("speaking\n")
    sys.stdout.flush()
    await answering


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
