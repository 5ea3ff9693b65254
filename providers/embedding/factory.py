"""Which embedding model a process uses."""

from contracts.errors import Misconfigured
from providers.configured import is_openai_configured
from providers.embedding.cards import CARDS, LOCAL_DEFAULT, OPENAI_DEFAULT, is_local
from providers.embedding.protocol import EmbeddingModel
from runtime.settings import Settings


def default_embedding_model(settings: Settings) -> str:
    """Return the name of the model that new generations are made with."""
    if settings.embedding_model:
        return settings.embedding_model
    return OPENAI_DEFAULT if is_openai_configured(settings) else LOCAL_DEFAULT


async def create_embedding(settings: Settings, model: str | None = None) -> EmbeddingModel:
    """Return the model named ``model``, by default the settings' one.

    A model that is not in ``cards`` is asked for one vector, to learn its dimensions.

    Raises:
        Misconfigured: the settings do not allow or reach it; the sentence names what to set.
        Retryable: the dimensions could not be asked for.
        Rejected: the provider does not accept the key or does not know the model.
    """
    name = model or default_embedding_model(settings)
    if is_local(name):
        return _create_local(settings)
    if not is_openai_configured(settings):
        raise Misconfigured(
            f"Embedding with {name} needs OPENAI_API_KEY, or OPENAI_BASE_URL of a server that "
            "speaks OpenAI's protocol."
        )
    from providers.embedding.openai import OpenAIEmbedding  # noqa: PLC0415 - loading takes a second

    if name in CARDS:
        return OpenAIEmbedding(settings, CARDS[name])
    return await OpenAIEmbedding.discover(settings, name)


def _create_local(settings: Settings) -> EmbeddingModel:
    if not settings.answers_locally:
        raise Misconfigured(
            f"{LOCAL_DEFAULT} serves one machine and is not used in production: set "
            "OPENAI_API_KEY, or OPENAI_BASE_URL of a server that speaks OpenAI's protocol."
        )
    from providers.embedding.local import WordLlamaEmbedding  # noqa: PLC0415 - only on one machine

    return WordLlamaEmbedding()
