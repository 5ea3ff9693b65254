"""Where the servers are: as the settings say, else where ``ragline up`` started them."""

import msgspec

from cli.console import fail
from cli.local.secrets import read_private
from cli.running import WRONG_USAGE
from runtime.settings import Settings


class Whereabouts(msgspec.Struct, frozen=True, kw_only=True):
    """What ``ragline up`` says about the servers that it uses."""

    database_url: str
    kafka_bootstrap_servers: str
    blob_url: str
    gateway_url: str


def read_whereabouts(settings: Settings) -> Whereabouts | None:
    """Return what the last ``ragline up`` on this data folder wrote, None before the first."""
    try:
        return msgspec.convert(read_private(settings.data_dir / "stack.json"), Whereabouts)
    except (msgspec.ValidationError, OSError):
        return None


def located(settings: Settings) -> Settings:
    """Return the settings with what they do not say taken from the stack of this machine."""
    here = read_whereabouts(settings)
    if here is None:
        return settings
    return settings.with_values(
        database_url=settings.database_url or here.database_url,
        kafka_bootstrap_servers=settings.kafka_bootstrap_servers or here.kafka_bootstrap_servers,
        blob_url=settings.blob_url or here.blob_url,
    )


def database_url(settings: Settings) -> str:
    """Return the address of the database; ends the command where nobody knows it."""
    url = located(settings).database_url
    if url is None:
        fail("DATABASE_URL is missing: set it, or start a database with `ragline up`.", WRONG_USAGE)
    return url.get_secret_value()
