"""A wrong setting stops the process with one sentence that names it."""

from pathlib import Path

import pytest

from runtime.production import check_production
from runtime.settings import Settings, SettingsError, load_settings

SECRET = "Zk3vR8q1mX5tB7wL9nY2cF4hJ6pD0sGaQeUi"
PRODUCTION = {
    "environment": "production",
    "database_url": "postgresql://u:p@db/ragline",
    "kafka_bootstrap_servers": "kafka:9092",
    "blob_url": "s3://bucket",
    "jwt_secret": SECRET,
    "llamaparse_api_key": "llx-1",
    "openai_api_key": "sk-1",
}


@pytest.fixture(autouse=True)
def _no_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "99999"),
        ("similarity_threshold", "2"),
        ("max_chunks", "0"),
        ("environment", "moon"),
        ("chunking_strategy", "paragraph"),
        ("chunking_strategy", "sentence_0"),
        ("chunking_strategy", "sentence_51"),
        ("log_level", "LOUD"),
        ("rag_mode", "maybe"),
    ],
)
def test_a_wrong_value_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=rf"^{name.upper()} is wrong: .*\.$"):
        load_settings(**{name: value})


def test_the_value_of_a_wrong_secret_is_not_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_POOL_SIZE", "hunter2")
    with pytest.raises(SettingsError) as raised:
        load_settings()
    assert "hunter2" not in str(raised.value)


def test_the_environment_outranks_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("MAX_CHUNKS=7\nNAMESPACE=file\n")
    monkeypatch.setenv("MAX_CHUNKS", "8")
    settings = load_settings()
    assert (settings.max_chunks, settings.namespace) == (8, "file")


def test_vectors_and_rows_are_in_one_database() -> None:
    url = "postgresql://u:p@one/ragline"
    load_settings(database_url=url, vector_db_url="postgresql://u:p@other-name/ragline")
    with pytest.raises(SettingsError, match=r"VECTOR_DB_URL .* one transaction"):
        load_settings(database_url=url, vector_db_url="postgresql://u:p@one/vectors")


def test_certificate_and_key_go_together() -> None:
    with pytest.raises(SettingsError, match="TLS_KEY_PATH"):
        load_settings(tls_cert_path="/x.pem")


def test_a_key_that_is_not_honoured_is_refused() -> None:
    with pytest.raises(SettingsError, match="API_ENCRYPTION_KEY"):
        load_settings(api_encryption_key=SECRET)


def test_production_starts_with_all_it_needs() -> None:
    check_production(load_settings(**PRODUCTION))


@pytest.mark.parametrize(
    "name",
    [
        "database_url",
        "kafka_bootstrap_servers",
        "blob_url",
        "jwt_secret",
        "llamaparse_api_key",
        "openai_api_key",
    ],
)
def test_production_names_what_is_missing(name: str) -> None:
    settings = load_settings(**{key: value for key, value in PRODUCTION.items() if key != name})
    with pytest.raises(SettingsError, match=rf"^{name.upper()}"):
        check_production(settings)


@pytest.mark.parametrize("secret", ["short", "a" * 64, "ab" * 40])
def test_production_refuses_a_weak_secret(secret: str) -> None:
    with pytest.raises(SettingsError, match="JWT_SECRET is weak"):
        check_production(load_settings(**PRODUCTION | {"jwt_secret": secret}))


def test_production_refuses_embedded_servers_and_local_twins() -> None:
    settings = load_settings(**PRODUCTION)
    assert not settings.embeds_servers
    assert not settings.answers_locally
    assert not settings.parses_locally
    with pytest.raises(SettingsError, match="DEPLOYMENT_MODE"):
        check_production(load_settings(**PRODUCTION, deployment_mode="local"))


@pytest.mark.parametrize("mode", ["rag_mode", "upload_pipeline_mode"])
def test_production_refuses_to_be_told_that_a_part_is_local(mode: str) -> None:
    with pytest.raises(SettingsError, match=mode.upper()):
        check_production(load_settings(**PRODUCTION, **{mode: "local"}))


def test_a_child_process_reads_what_its_parent_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    parent = load_settings(
        jwt_secret=SECRET, trusted_proxies="10.0.0.1, 10.0.0.2", max_chunks=9, drain_seconds=1.5
    )
    for name, value in parent.as_environment().items():
        monkeypatch.setenv(name.upper(), value)
    assert load_settings() == parent
