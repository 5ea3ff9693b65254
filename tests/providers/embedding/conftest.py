"""The embedding models that every behaviour is tested with."""

from collections.abc import AsyncIterator, Callable, Sequence

import pytest
import pytest_asyncio

from providers.configured import is_openai_configured
from providers.embedding.factory import create_embedding
from providers.embedding.protocol import Embedded, EmbeddingModel
from runtime.settings import Settings
from tests.fixtures.live import Spending, live_settings
from tests.fixtures.openai_server import OpenAIServer


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "embedding" in metafunc.fixturenames:
        kinds = ["wordllama", "openai-base64", "openai-floats"]
        live = live_settings(metafunc.config)
        if live and is_openai_configured(live):
            kinds.append("openai-live")
        metafunc.parametrize("embedding", kinds, indirect=True)


@pytest_asyncio.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer() as server:
        yield server


@pytest.fixture
def settings(server: OpenAIServer, settings_with: Callable[..., Settings]) -> Settings:
    return settings_with(openai_api_key=server.key, openai_base_url=server.base_url)


@pytest_asyncio.fixture
async def embedding(
    request: pytest.FixtureRequest,
    server: OpenAIServer,
    settings_with: Callable[..., Settings],
    spending: Spending,
) -> AsyncIterator[EmbeddingModel]:
    """Each kind of model in turn."""
    server.sends_floats = request.param == "openai-floats"
    values: dict[str, object] = {}
    if request.param.startswith("openai"):
        values = {"openai_api_key": server.key, "openai_base_url": server.base_url}
    if request.param == "openai-live":
        live = live_settings(request.config)
        assert live
        model: EmbeddingModel = Noted(await create_embedding(live), spending)
    else:
        model = await create_embedding(settings_with(**values))
    yield model
    await model.close()


class Noted:
    """A real model; what it costs is noted."""

    is_local_twin = False

    def __init__(self, model: EmbeddingModel, spending: Spending) -> None:
        self._model, self._spending = model, spending
        self.card = model.card

    async def embed(self, texts: Sequence[str]) -> Embedded:
        embedded = await self._model.embed(texts)
        self._spending.add(self.card.name, calls=embedded.calls, tokens=embedded.tokens)
        return embedded

    async def close(self) -> None:
        await self._model.close()
