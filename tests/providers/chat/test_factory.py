"""Which chat models the settings choose, and in which order."""

from collections.abc import Callable

import pytest

from contracts.errors import Misconfigured
from providers.chat.factory import create_chat
from runtime.settings import Settings

OPENAI = {"openai_api_key": "sk-x"}
ANTHROPIC = {"anthropic_api_key": "sk-ant-x"}
SERVER = {"openai_base_url": "http://127.0.0.1:9/v1"}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, [("local", "extractive")]),
        (OPENAI, [("openai", "gpt-6-luna")]),
        (ANTHROPIC, [("anthropic", "claude-haiku-5-5")]),
        (OPENAI | ANTHROPIC, [("openai", "gpt-6-luna"), ("anthropic", "claude-haiku-5-5")]),
        (
            OPENAI | ANTHROPIC | {"chat_model": "claude-sonnet-5-5"},
            [("anthropic", "claude-sonnet-5-5"), ("openai", "gpt-6-luna")],
        ),
        (
            OPENAI | ANTHROPIC | {"chat_model": "gpt-6-sol"},
            [("openai", "gpt-6-sol"), ("anthropic", "claude-haiku-5-5")],
        ),
        (SERVER | {"chat_model": "llama-4"}, [("openai", "llama-4")]),
        (SERVER | {"chat_model": "claude-sonnet-5-5"}, [("openai", "claude-sonnet-5-5")]),
        (OPENAI | {"chat_model": "extractive"}, [("local", "extractive")]),
        (OPENAI | {"environment": "production"}, [("openai", "gpt-6-luna")]),
    ],
    ids=str,
)
async def test_chooses_by_what_is_configured(
    settings_with: Callable[..., Settings],
    values: dict[str, str],
    expected: list[tuple[str, str]],
) -> None:
    models = create_chat(settings_with(**values))
    assert [(model.provider, model.name) for model in models] == expected
    for model in models:
        await model.close()


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"environment": "production"}, "OPENAI_API_KEY or ANTHROPIC_API_KEY"),
        ({"rag_mode": "production"}, "OPENAI_API_KEY or ANTHROPIC_API_KEY"),
        (OPENAI | {"environment": "production", "chat_model": "extractive"}, "not used in prod"),
        ({"chat_model": "gpt-6-sol"}, "gpt-6-sol needs OPENAI_API_KEY or ANTHROPIC_API_KEY"),
        (OPENAI | {"chat_model": "claude-sonnet-5-5"}, "needs ANTHROPIC_API_KEY"),
        (ANTHROPIC | {"chat_model": "gpt-6-sol"}, "gpt-6-sol needs OPENAI_API_KEY"),
    ],
    ids=str,
)
def test_says_what_to_set(
    settings_with: Callable[..., Settings], values: dict[str, str], says: str
) -> None:
    with pytest.raises(Misconfigured, match=says):
        create_chat(settings_with(**values))
