"""Which embedding model the settings choose."""

from collections.abc import Callable

import pytest

from contracts.errors import Misconfigured
from providers.embedding.factory import create_embedding, default_embedding_model
from runtime.settings import Settings


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, "wordllama-256"),
        ({"openai_api_key": "sk-x"}, "text-embedding-3-small"),
        ({"openai_base_url": "http://127.0.0.1:9/v1"}, "text-embedding-3-small"),
        ({"anthropic_api_key": "sk-ant-x"}, "wordllama-256"),
        (
            {"openai_api_key": "sk-x", "embedding_model": "text-embedding-3-large"},
            "text-embedding-3-large",
        ),
        ({"openai_api_key": "sk-x", "embedding_model": "wordllama-256"}, "wordllama-256"),
    ],
    ids=str,
)
@pytest.mark.asyncio
async def test_chooses_by_what_is_configured(
    settings_with: Callable[..., Settings], values: dict[str, str], expected: str
) -> None:
    settings = settings_with(**values)
    assert default_embedding_model(settings) == expected
    model = await create_embedding(settings)
    assert model.card.name == expected
    assert model.is_local_twin == (expected == "wordllama-256")
    await model.close()


@pytest.mark.asyncio
async def test_makes_the_model_of_a_generation_rather_than_the_default(
    settings_with: Callable[..., Settings],
) -> None:
    settings = settings_with(openai_api_key="sk-x")
    model = await create_embedding(settings, "text-embedding-3-large")
    assert model.card.dimensions == 3072
    await model.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("values", [{"environment": "production"}, {"rag_mode": "production"}])
async def test_refuses_the_local_model_in_production(
    settings_with: Callable[..., Settings], values: dict[str, str]
) -> None:
    with pytest.raises(Misconfigured, match="set OPENAI_API_KEY"):
        await create_embedding(settings_with(**values))


@pytest.mark.asyncio
async def test_says_which_key_a_generation_needs(settings_with: Callable[..., Settings]) -> None:
    with pytest.raises(Misconfigured, match="text-embedding-3-small needs OPENAI_API_KEY"):
        await create_embedding(settings_with(), "text-embedding-3-small")
