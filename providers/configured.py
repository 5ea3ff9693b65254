"""Which providers the settings name, told without loading any of them."""

from runtime.settings import Settings


def is_openai_configured(settings: Settings) -> bool:
    """Tell whether there is a key, or the address of a server that may need none."""
    return settings.openai_api_key is not None or settings.openai_base_url is not None
