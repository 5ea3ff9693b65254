"""The chat models that every behaviour is tested with."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing

import pytest
import pytest_asyncio

from providers.chat.factory import create_chat
from providers.chat.protocol import ChatModel, Finished, Piece, Prompt
from providers.configured import is_openai_configured
from runtime.settings import Settings
from tests.fixtures.anthropic_server import AnthropicServer
from tests.fixtures.live import Spending, live_settings
from tests.fixtures.openai_server import OpenAIServer
from tests.fixtures.vendor_http import VendorServer


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "chat" in metafunc.fixturenames:
        kinds = ["extractive", "openai", "anthropic"]
        live = live_settings(metafunc.config)
        if live and is_openai_configured(live):
            kinds.append("openai-live")
        if live and live.anthropic_api_key:
            kinds.append("anthropic-live")
        metafunc.parametrize("chat", kinds, indirect=True)
    if "vendor" in metafunc.fixturenames:
        metafunc.parametrize("vendor", ["openai", "anthropic"])


@pytest_asyncio.fixture
async def openai_server() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer() as server:
        yield server


@pytest_asyncio.fixture
async def anthropic_server() -> AsyncIterator[AnthropicServer]:
    async with AnthropicServer() as server:
        yield server


@pytest.fixture
def server(
    vendor: str, openai_server: OpenAIServer, anthropic_server: AnthropicServer
) -> OpenAIServer | AnthropicServer:
    """The server of the vendor that a test is about."""
    return openai_server if vendor == "openai" else anthropic_server


@pytest.fixture
def create(
    vendor: str, server: VendorServer, settings_with: Callable[..., Settings]
) -> Callable[..., ChatModel]:
    """Make a model that asks the vendor's server, with further settings."""

    def make(**values: object) -> ChatModel:
        (model,) = create_chat(settings_with(**settings_of(vendor, server), **values))
        return model

    return make


@pytest_asyncio.fixture
async def model(create: Callable[..., ChatModel]) -> AsyncIterator[ChatModel]:
    """A model that asks the vendor's server."""
    model = create(provider_timeout=0.5)
    yield model
    await model.close()


@pytest_asyncio.fixture
async def chat(
    request: pytest.FixtureRequest,
    openai_server: OpenAIServer,
    anthropic_server: AnthropicServer,
    settings_with: Callable[..., Settings],
    spending: Spending,
) -> AsyncIterator[ChatModel]:
    """Each kind of model in turn."""
    vendor = request.param.removesuffix("-live")
    servers: dict[str, VendorServer] = {"openai": openai_server, "anthropic": anthropic_server}
    if request.param.endswith("-live"):
        live = live_settings(request.config)
        assert live
        models = create_chat(live)
        (real,) = (model for model in models if model.provider == vendor)
        model: ChatModel = Noted(real, spending)
    elif vendor == "extractive":
        (model,) = models = create_chat(settings_with())
    else:
        (model,) = models = create_chat(settings_with(**settings_of(vendor, servers[vendor])))
    yield model
    for each in models:
        await each.close()


def settings_of(vendor: str, server: VendorServer) -> dict[str, object]:
    return {f"{vendor}_api_key": server.key, f"{vendor}_base_url": server.base_url}


class Noted:
    """A real model; what it costs is noted."""

    is_local_twin = False

    def __init__(self, model: ChatModel, spending: Spending) -> None:
        self._model, self._spending = model, spending
        self.name, self.provider = model.name, model.provider

    async def answer(self, prompt: Prompt) -> AsyncGenerator[Piece | Finished]:
        async with aclosing(self._model.answer(prompt)) as stream:
            async for item in stream:
                if isinstance(item, Finished):
                    usage = item.usage
                    tokens = usage.input_tokens + usage.output_tokens
                    self._spending.add(self.name, calls=usage.calls, tokens=tokens)
                yield item

    async def close(self) -> None:
        await self._model.close()
