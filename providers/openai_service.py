"""The client of OpenAI, or of any server that speaks its protocol."""

from urllib.parse import urlsplit

import openai
from openai import AsyncOpenAI

from providers.service import Service, timeouts
from runtime.settings import Settings

#: Servers that ask for no key are sent this one, because the SDK wants any.
_NO_KEY = "none"


def create_openai_client(settings: Settings) -> AsyncOpenAI:
    """Return a client for one process, without retries of its own."""
    key = settings.openai_api_key
    return AsyncOpenAI(
        api_key=key.get_secret_value() if key else _NO_KEY,
        base_url=settings.openai_base_url or "https://api.openai.com/v1",
        timeout=timeouts(settings.provider_timeout),
        max_retries=0,
    )


def create_openai_service(settings: Settings, *, patience: float) -> Service:
    """Return what judges the errors of the client and keeps its limits."""
    name = "OpenAI"
    if settings.openai_base_url is not None:
        # Without what may stand before an at sign: a user and a password.
        place = urlsplit(settings.openai_base_url).netloc.rpartition("@")[2]
        name = f"The model server at {place}"
    return Service(name, key_setting="OPENAI_API_KEY", errors=openai.OpenAIError, patience=patience)
