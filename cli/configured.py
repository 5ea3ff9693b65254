"""The settings of a command, or the one sentence that says what is wrong with them."""

from cli.console import fail
from runtime.production import check_production
from runtime.settings import Settings, SettingsError, load_settings


def configured(**values: object) -> Settings:
    """Return the checked settings; ends the command with status 2 when one is wrong."""
    try:
        settings = load_settings(**values)
        check_production(settings)
    except SettingsError as error:
        fail(str(error), 2)
    return settings
