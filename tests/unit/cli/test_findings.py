from collections.abc import Callable

import pytest

from cli.checks.findings import Finding, State, address, without_secrets
from runtime.settings import Settings

MakeSettings = Callable[..., Settings]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (
            "postgresql://ada:secret@db.example:5432/rag?sslkey=k",
            "postgresql://db.example:5432/rag",
        ),
        ("postgresql://ada:secret@h1:1,h2:2/rag", "postgresql://h1:1,h2:2/rag"),
        ("redis://:secret@[::1]:6379/0", "redis://[::1]:6379/0"),
        ("file:///data/blobs", "file:///data/blobs"),
    ],
)
def test_shows_an_address_without_its_secrets(url: str, shown: str) -> None:
    assert address(url) == shown


@pytest.mark.parametrize("password", ["12#3", "12/3", "12?3", "se#cret"])
def test_shows_nothing_of_an_address_whose_password_is_not_escaped(password: str) -> None:
    assert address(f"postgresql://ada:{password}@db/rag") == "an address that cannot be read"


def test_blacks_out_every_secret_that_a_sentence_quotes(settings_with: MakeSettings) -> None:
    settings = settings_with(
        database_url="postgresql://ada:d4tabase@db/rag",
        openai_api_key="sk-openai",
        blob_url="s3://user:bl0bs@bucket/x",
    )
    quoted = "d4tabase, sk-openai and bl0bs; db and user stay."

    finding = without_secrets(Finding(name="x", state=State.ok, message=quoted), settings)

    assert finding.message == "***, *** and ***; db and user stay."
