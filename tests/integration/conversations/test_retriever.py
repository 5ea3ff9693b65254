"""What is found for a question: by the active generation's model, over a threshold, no repeats."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from typing_extensions import override

from contracts.errors import Misconfigured, ProviderBusy, ProviderUnauthorized, RaglineError
from providers.embedding.cards import CARDS
from providers.embedding.protocol import Embedded, EmbeddingModel, ModelCard
from retrieval import Defaults, EmbeddingModels, Retriever, Wanted
from runtime.clock import SystemClock
from runtime.embedded import EmbeddedPostgres
from store import Store
from store.migrate import migrate
from store.turns import Answer
from tests.fixtures.servers import fresh_database
from tests.integration.conversations.conftest import HANDBOOK, QUESTION, ScriptedModel, World
from workers.responder.agents import AnswerAgent, PageStarts, Question
from workers.responder.agents.finding import Finder
from workers.responder.agents.run import Run
from workers.responder.core import Past

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


class Weighted(Troubled):
    """The world's embedding model, with another weight."""

    def __init__(self, model: EmbeddingModel, weight: float) -> None:
        super().__init__(model)
        self._weight = weight

    @property
    @override
    def card(self) -> ModelCard:
        return replace(self._model.card, vector_weight=self._weight)


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
        scores = [result.score for result in retrieved.results]
        assert scores == sorted(scores, reverse=True)
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


async def test_what_words_alone_found_is_shown_but_is_no_context(world: World) -> None:
    user = await world.new_user()
    await world.index(None, HANDBOOK, user=user)
    retrieved = await retriever(world).retrieve(user.tenant_id, "canteen", Wanted(threshold=0.99))
    [result] = retrieved.results
    assert result.found.text == HANDBOOK[1]
    assert (result.is_context, result.lexical_rank) == (False, 1)
    assert result.context.text == HANDBOOK[1]
    assert retrieved.chunks == retrieved.contexts == ()


async def test_each_leg_can_be_asked_alone(world: World) -> None:
    user = await world.new_user()
    await world.index(None, HANDBOOK, user=user)

    async def ranks(wanted: Wanted) -> list[tuple[int | None, int | None]]:
        found = await retriever(world).retrieve(user.tenant_id, "canteen lunch", wanted)
        return [(result.vector_rank, result.lexical_rank) for result in found.results]

    assert await ranks(Wanted(threshold=-1, legs=("vector",))) == [(1, None), (2, None), (3, None)]
    assert await ranks(Wanted(threshold=-1, legs=("lexical",))) == [(None, 1)]
    assert (await ranks(Wanted(threshold=-1)))[0] == (1, 1)


async def test_what_is_read_are_the_chunks_with_their_neighbours_of_one_document(
    world: World,
) -> None:
    user = await world.new_user()
    pages = [f"Paragraph {number} of the {'fog' * number} report." for number in range(1, 8)]
    pages[3] = "The zeppelin landed at noon."
    await world.index(None, pages, user=user, filename="report.txt")
    await world.index(None, ["The zeppelin was late.", "Nobody waited."], user=user)
    wanted = Wanted(max_chunks=2, threshold=-1, legs=("lexical",), neighbours=1)
    found = await retriever(world).retrieve(user.tenant_id, "zeppelin", wanted)
    texts = {context.filename: context.text for context in found.contexts}
    assert texts == {
        "report.txt": "\n\n".join(pages[2:5]),
        "handbook.txt": "The zeppelin was late.\n\nNobody waited.",
    }
    for result in found.results:
        assert result.found.text in result.context.text
        assert len(result.context.text) == result.context.char_end - result.context.char_start
    alone = await retriever(world).retrieve(
        user.tenant_id, "zeppelin", Wanted(threshold=-1, legs=("lexical",), neighbours=0)
    )
    assert {context.text for context in alone.contexts} == {
        result.found.text for result in found.results
    }


async def test_neighbours_are_read_while_there_is_room(world: World) -> None:
    user = await world.new_user()
    pages = [f"{'harbour ' * number}record {number}." for number in range(1, 12)]
    await world.index(None, pages, user=user)
    for room in (0, 150, 400, 10_000):
        defaults = Defaults(max_chunks=2, threshold=-1, neighbours=10, context_characters=room)
        finder = Retriever(world.store, world.embedding, defaults=defaults)
        found = await finder.retrieve(user.tenant_id, "record 3", Wanted())
        chunks = sum(len(chunk.text) for chunk in found.chunks)
        read = sum(len(context.text) for context in found.contexts)
        assert chunks <= read <= max(chunks, room)


async def test_the_weight_of_the_vectors_is_that_of_the_models_card(world: World) -> None:
    user = await world.new_user()
    texts = ["Beer is brewed in the cellar.", "In the cellar the cellar master counts the cellar."]
    await world.index(None, texts, user=user)

    async def first(weight: float) -> str:
        model = Weighted(await world.embedding.get(CARD.name), weight)

        async def create(_: str) -> EmbeddingModel:
            return model

        finder = Retriever(world.store, EmbeddingModels(create))
        found = await finder.retrieve(user.tenant_id, "Beer cellar cellar", Wanted(threshold=-1))
        by_vector = next(one for one in found.results if one.vector_rank == 1)
        by_words = next(one for one in found.results if one.lexical_rank == 1)
        assert by_vector != by_words
        return "vectors" if found.results[0] == by_vector else "words"

    assert await first(0.01) == "words"
    assert await first(100.0) == "vectors"


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

    step = token = citation = sources

    async def restart(self) -> None:
        return


async def agent_with(world: World, *errors: RaglineError) -> AnswerAgent:
    model = Troubled(await world.embedding.get(CARD.name), *errors)

    async def create(_: str) -> EmbeddingModel:
        return model

    finder = Finder(
        Retriever(world.store, EmbeddingModels(create)), PageStarts(world.store, world.blobs)
    )
    return AnswerAgent(finder, [ScriptedModel("Thirty days [1].")])


async def answered(world: World, agent: AnswerAgent) -> Answer:
    async def keep_nothing(*_: object) -> None:
        return

    question = Question(
        tenant_id=world.user.tenant_id,
        text=QUESTION,
        wanted=Wanted(),
        past=Past(),
        keep_summary=keep_nothing,
    )
    return await agent.answer(question, Run("answer", agent.limits, Nobody(), SystemClock()))


async def test_a_busy_embedding_model_is_asked_again(world: World) -> None:
    busy = ProviderBusy(retry_after=0.0)
    agent = await agent_with(world, busy, busy)
    assert (await answered(world, agent)).text == "Thirty days [1]."


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
        await answered(world, agent)
