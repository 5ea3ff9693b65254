"""What operators order: a build, its pause, a promotion, a rollback, a drop."""

from dataclasses import dataclass

import structlog

from contracts.errors import Misconfigured
from contracts.topics import DOCUMENTS_PARSED, build_group, chunked_topic
from gateway.refusals import GenerationConflict, InvalidRequest, NotFound
from providers.embedding.factory import default_embedding_model
from providers.embedding.protocol import EmbeddingModel
from retrieval.models import EmbeddingModels
from runtime.kafka import KafkaConnection, TopicAdmin
from runtime.settings import Settings
from store import Store
from store.builds import Build, BuildProgress

log = structlog.get_logger(__name__)

#: What a column of type integer takes.
LARGEST_ID = 2**31 - 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Lag:
    """Records that a build's workers have not completed."""

    chunker: int
    embedder: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Followed:
    """A generation, how full it is, and how much its workers have left."""

    build: Build
    progress: BuildProgress
    #: Only of one that is being built.
    lag: Lag | None


class Builder:
    """Takes the orders; ``gateway.generations.steps`` carries them out."""

    def __init__(
        self,
        *,
        store: Store,
        models: EmbeddingModels,
        kafka: KafkaConnection,
        settings: Settings,
    ) -> None:
        self._store = store
        self._models = models
        self._kafka = kafka
        self._settings = settings

    async def build(
        self,
        *,
        strategy: str | None,
        embedding_model: str | None,
        max_rate: float | None,
        token_budget: int | None,
    ) -> Followed:
        """Begin a generation; what is not said follows the settings.

        Raises what the embedding model raises, ``GenerationConflict`` where there is the same one.
        """
        model = await self._model(embedding_model)
        wanted = (strategy or self._settings.chunking_strategy, model.card.name)
        async with self._store.system() as system:
            _refuse_the_same(await system.builds.all(), wanted)
            made = await system.builds.create(
                strategy=wanted[0],
                embedding_model=wanted[1],
                dimensions=model.card.dimensions,
                max_rate=max_rate,
                token_budget=token_budget,
            )
        log.info("generation_begun", generation=made, strategy=wanted[0], model=wanted[1])
        return await self.follow(made)

    async def follow(self, generation_id: int) -> Followed:
        """Return a generation with its progress; ``NotFound``."""
        async with self._store.system() as system:
            build = await system.builds.get(_possible(generation_id))
            if build is None:
                raise NotFound("There is no such generation.")
            progress = await system.builds.progress(generation_id)
        return Followed(build=build, progress=progress, lag=await self._lag(build))

    async def all(self) -> list[Followed]:
        """Return every generation, oldest first."""
        async with self._store.system() as system:
            builds = await system.builds.all()
        return [await self.follow(build.generation_id) for build in builds]

    async def pause(self, generation_id: int) -> Followed:
        """Let the workers of a build wait."""
        async with self._store.system() as system:
            done = await system.builds.pause(_possible(generation_id))
        return await self._checked(generation_id, "It is not being built.", done=done)

    async def resume(
        self, generation_id: int, *, max_rate: float | None, token_budget: int | None
    ) -> Followed:
        """Let them go on, with other limits where these are given."""
        async with self._store.system() as system:
            done = await system.builds.resume(
                _possible(generation_id), max_rate=max_rate, token_budget=token_budget
            )
        return await self._checked(generation_id, "It is not being built.", done=done)

    async def promote(self, generation_id: int, *, accept_missing: bool) -> Followed:
        """Ask that it become the active one as soon as it has all that the active one has."""
        async with self._store.system() as system:
            done = await system.builds.ask_promotion(
                _possible(generation_id), accept_missing=accept_missing
            )
        return await self._checked(generation_id, "It is active or dropped already.", done=done)

    async def roll_back(self) -> Followed:
        """Make the generation active again that was so before; it has been fed all the time."""
        async with self._store.system() as system:
            previous = await system.builds.previous()
            if previous is None:
                raise GenerationConflict("No other generation has been active, or it was dropped.")
            await system.builds.activate(previous.generation_id)
        log.warning("generation_rolled_back", generation=previous.generation_id)
        return await self.follow(previous.generation_id)

    async def drop(self, generation_id: int) -> Followed:
        """Feed and read it no more; its table goes when nobody can be reading it."""
        async with self._store.system() as system:
            done = await system.builds.drop(_possible(generation_id))
        problem = "It answers questions, or is dropped already; promote another one first."
        return await self._checked(generation_id, problem, done=done)

    async def _model(self, name: str | None) -> EmbeddingModel:
        if name is None:
            return await self._models.get(default_embedding_model(self._settings))
        try:
            return await self._models.get(name)
        except Misconfigured as error:
            raise InvalidRequest(error.message, field="embedding_model") from error

    async def _checked(self, generation_id: int, problem: str, *, done: bool) -> Followed:
        followed = await self.follow(generation_id)
        if not done:
            raise GenerationConflict(problem)
        return followed

    async def _lag(self, build: Build) -> Lag | None:
        if not build.has_workers:
            return None
        number = build.generation_id
        async with TopicAdmin(self._kafka) as admin:
            chunker = await admin.lag(build_group("chunker", number), DOCUMENTS_PARSED.name)
            embedder = await admin.lag(build_group("embedder", number), chunked_topic(number).name)
        return Lag(chunker=sum(chunker.values()), embedder=sum(embedder.values()))


def _refuse_the_same(builds: list[Build], wanted: tuple[str, str]) -> None:
    for build in builds:
        if build.state != "dropped" and (build.strategy, build.embedding_model) == wanted:
            raise GenerationConflict(
                f"Generation {build.generation_id} is {wanted[0]} with {wanted[1]} already; "
                "it is " + ("active." if build.state == "active" else f"{build.state}.")
            )


def _possible(generation_id: int) -> int:
    """Return the id; ``NotFound`` for one that no column takes."""
    if not 0 < generation_id <= LARGEST_ID:
        raise NotFound("There is no such generation.")
    return generation_id
