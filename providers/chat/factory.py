"""Which chat models answer, and in which order they are asked."""

from contracts.errors import Misconfigured
from providers.chat.defaults import ANTHROPIC_DEFAULT, LOCAL_DEFAULT, OPENAI_DEFAULT
from providers.chat.local import ExtractiveAnswers
from providers.chat.protocol import ChatModel
from providers.configured import is_openai_configured
from runtime.settings import Settings


def create_chat(settings: Settings) -> list[ChatModel]:
    """Return the model to ask first, then the one to ask when it fails, where there is one.

    CHAT_MODEL names the first; ``claude`` names are Anthropic's unless only a server that speaks
    OpenAI's protocol is configured. The other provider answers with its default model. The local
    twin is used only where no provider is configured, or where it is named.

    Raises:
        Misconfigured: nothing that is configured can answer; the sentence names what to set.
    """
    name = settings.chat_model
    if name == LOCAL_DEFAULT or not (is_openai_configured(settings) or settings.anthropic_api_key):
        return [_create_local(settings, name or LOCAL_DEFAULT)]
    if name and name.startswith("claude") and not _is_proxied(settings):
        if settings.anthropic_api_key is None:
            raise Misconfigured(f"Answering with {name} needs ANTHROPIC_API_KEY.")
        return [*_anthropic(settings, name), *_openai(settings, OPENAI_DEFAULT)]
    openai = _openai(settings, name or OPENAI_DEFAULT)
    if name and not openai:
        raise Misconfigured(f"Answering with {name} needs OPENAI_API_KEY or OPENAI_BASE_URL.")
    return [*openai, *_anthropic(settings, ANTHROPIC_DEFAULT)]


def _is_proxied(settings: Settings) -> bool:
    """Tell whether a server that speaks OpenAI's protocol is all there is to ask for Claude."""
    return settings.anthropic_api_key is None and settings.openai_base_url is not None


def _openai(settings: Settings, name: str) -> list[ChatModel]:
    if not is_openai_configured(settings):
        return []
    from providers.chat.openai import OpenAIChat  # noqa: PLC0415 - loading it takes a second

    return [OpenAIChat(settings, name)]


def _anthropic(settings: Settings, name: str) -> list[ChatModel]:
    if settings.anthropic_api_key is None:
        return []
    from providers.chat.anthropic import AnthropicChat  # noqa: PLC0415 - as above

    return [AnthropicChat(settings, name)]


def _create_local(settings: Settings, name: str) -> ChatModel:
    if name != LOCAL_DEFAULT:
        raise Misconfigured(f"Answering with {name} needs OPENAI_API_KEY or ANTHROPIC_API_KEY.")
    if not settings.answers_locally:
        raise Misconfigured(
            f"The {LOCAL_DEFAULT} answers serve one machine and are not used in production: set "
            "OPENAI_API_KEY or ANTHROPIC_API_KEY."
        )
    return ExtractiveAnswers()
