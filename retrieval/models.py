"""The embedding models of a process: one for each model that a generation names."""

import asyncio
from collections.abc import Awaitable, Callable

from providers.embedding.factory import create_embedding
from providers.embedding.protocol import EmbeddingModel
from runtime.settings import Settings


class EmbeddingModels:
    """Creates each model when it is first asked for and keeps it until the process ends."""

    def __init__(self, create: Callable[[str], Awaitable[EmbeddingModel]]) -> None:
        self._create = create
        self._models: dict[str, EmbeddingModel] = {}
        self._creating = asyncio.Lock()

    @classmethod
    def of(cls, settings: Settings) -> "EmbeddingModels":
        """Return models that are configured by the settings."""
        return cls(lambda name: create_embedding(settings, name))

    async def get(self, name: str) -> EmbeddingModel:
        """Return the model of this name; raises what creating it raises, and tries again later."""
        if name not in self._models:
            async with self._creating:
                if name not in self._models:
                    self._models[name] = await self._create(name)
        return self._models[name]

    async def close(self) -> None:
        """Release every model."""
        while self._models:
            _, model = self._models.popitem()
            await model.close()
