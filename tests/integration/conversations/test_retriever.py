"""What is found for a question: by the active generation's model, over a threshold, no repeats."""

from collections.abc import Sequence

import pytest

from contracts.errors import Misconfigured, ProviderBusy, ProviderUnauthorized, RaglineError
from providers.embedding.cards import CARDS
from providers.embedding.protocol import Embedded, EmbeddingModel, ModelCard
from retrieval import Defaults, EmbeddingModels, Retriever, Wanted
from runtime.clock import SystemClock
from runtime.embedded import EmbeddedPostgres
from store import Store
from store.migrate import migrate
from tests.fixtures.servers import fresh_database
from tests.integration.conversations.conftest import HANDBOOK, QUESTION, ScriptedModel, World
from workers.responder.agents import AnswerAgent, PageStarts, Question

pytestmark = pytest.mark.asyncio(loop_scope="module")

CARD = CARDS["wordllama-256"]


class Troubled:
    """The world's embedding model, which meets these errors first."""

    is_local_twin = True

    def __init__(self, model: EmbeddingModel, *errors: RaglineError) -> None:
        self._model = model
        self._errors = list(errors)

    @property
    def card(self) -> ModelCard:
        return self._model.card

    async def embed(self, texts: Sequence[str]) -> Embedded:
        if self._errors:
            raise self._errors.pop(0)
        return await self._model.embed(texts)

    async def close(self) -> None:
        return


def retriever(world: World, *, threshold: float | None = None, max_chunks: int = 5) -> Retriever:
    defaults = Defaults(max_chunks=max_chunks, threshold=threshold)
    return Retriever(world.store, world.embedding, defaults=defaults)


async def test_the_request_outranks_the_settings_and_they_the_model(world: World) -> None:
    tenant = world.user.tenant_id
    by_model = await retriever(world).retrieve(tenant, QUESTION, Wanted())
    assert by_model.threshold == CARD.default_threshold
    by_settings = await retriever(world, threshold=0.4).retrieve(tenant, QUESTION, Wanted())
    assert by_settings.threshold == 0.4
    by_request = await retriever(world, threshold=0.4).retrieve(
        tenant, QUESTION, Wanted(threshold=0.0)
    )
    assert by_request.threshold == 0.0
    for retrieved in (by_model, by_settings, by_request):
        assert all(found.similarity >= retrieved.threshold for found in retrieved.chunks)
        similarities = [found.similarity for found in retrieved.chunks]
        assert similarities == sorted(similarities, reverse=True)
    assert len(by_request.chunks) > len(by_settings.chunks)


async def test_at_most_as_many_as_wanted_and_none_twice(world: World) -> None:
    user = await world.new_user()
    for copy in range(4):
        await world.index(None, [f"{HANDBOOK[0]} Page {copy}", HANDBOOK[1]], user=user)
    wanted = Wanted(threshold=-1)
    found = (await retriever(world).retrieve(user.tenant_id, QUESTION, wanted)).chunks
    assert len(found) == 2
    assert found[0].text.startswith(HANDBOOK[0])
    one = await retriever(world, max_chunks=1).retrieve(user.tenant_id, QUESTION, wanted)
    assert len(one.chunks) == 1
    more = await retriever(world, max_chunks=1).retrieve(
        user.tenant_id, QUESTION, Wanted(threshold=-1, max_chunks=2)
    )
    assert len(more.chunks) == 2


async def test_a_model_is_created_once(world: World) -> None:
    created: list[str] = []
    model = await world.embedding.get(CARD.name)

    async def create(name: str) -> EmbeddingModel:
        created.append(name)
        return model

    models = EmbeddingModels(create)
    for _ in range(3):
        assert await models.get(CARD.name) is model
    assert created == [CARD.name]


async def test_a_database_without_generations_says_what_to_do(
    world: World, postgres_server: EmbeddedPostgres
) -> None:
    with fresh_database(postgres_server.dsn) as dsn:
        await migrate(dsn)
        store = await Store.connect(dsn, pool_size=2)
        bare = Retriever(store, world.embedding)
        with pytest.raises(Misconfigured, match="ragline migrate"):
            await bare.retrieve(world.user.tenant_id, QUESTION, Wanted())
        await store.close()


class Nobody:
    """Listens to nothing."""

    def sources(self, *_: object) -> None:
        return

    token = citation = sources

    async def restart(self) -> None:
        return


async def agent_with(world: World, *errors: RaglineError) -> AnswerAgent:
    model = Troubled(await world.embedding.get(CARD.name), *errors)

    async def create(_: str) -> EmbeddingModel:
        return model

    return AnswerAgent(
        Retriever(world.store, EmbeddingModels(create)),
        [ScriptedModel("Thirty days [1].")],
        PageStarts(world.store, world.blobs),
        SystemClock(),
    )


def question(world: World) -> Question:
    return Question(tenant_id=world.user.tenant_id, text=QUESTION, wanted=Wanted(), history=())


async def test_a_busy_embedding_model_is_asked_again(world: World) -> None:
    busy = ProviderBusy(retry_after=0.0)
    agent = await agent_with(world, busy, busy)
    assert (await agent.answer(question(world), Nobody())).text == "Thirty days [1]."


@pytest.mark.parametrize(
    "errors",
    [
        [ProviderBusy(retry_after=0.0)] * 3,
        [ProviderBusy(retry_after=60.0)],
        [ProviderUnauthorized()],
    ],
)
async def test_an_embedding_model_that_stays_away_is_not_waited_for(
    world: World, errors: list[RaglineError]
) -> None:
    agent = await agent_with(world, *errors)
    with pytest.raises(type(errors[0])):
        await agent.answer(question(world), Nobody())
