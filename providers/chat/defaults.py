"""The model that each provider answers with where CHAT_MODEL does not say, told without loading."""

from providers.configured import is_openai_configured
from runtime.settings import Settings

OPENAI_DEFAULT = "gpt-6-luna"

ANTHROPIC_DEFAULT = "claude-haiku-5-5"

LOCAL_DEFAULT = "extractive"


def answers_by_model(settings: Settings) -> bool:
    """Tell whether a model that follows instructions answers, and not the local twin."""
    if settings.chat_model == LOCAL_DEFAULT:
        return False
    return is_openai_configured(settings) or settings.anthropic_api_key is not None
