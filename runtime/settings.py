"""The settings of every process, read once from the environment and ``.env``.

Nothing else in the project reads the environment. A wrong value stops the process with one
sentence that names it (``SettingsError``).
"""

import os
import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self, cast
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

MIB = 1024 * 1024


class SettingsError(Exception):
    """A setting is wrong; the message is one sentence that names it."""


class Environment(StrEnum):
    """Where this runs; only ``production`` is strict."""

    development = "development"
    test = "test"
    staging = "staging"
    production = "production"


class Mode(StrEnum):
    """``production`` forbids the local twins of a part; ``local`` allows them."""

    local = "local"
    production = "production"


class Deployment(StrEnum):
    """``cloud`` forbids embedded servers; ``local`` allows them."""

    local = "local"
    cloud = "cloud"


class Security(StrEnum):
    """How Kafka is spoken to."""

    plaintext = "PLAINTEXT"
    ssl = "SSL"
    sasl_plaintext = "SASL_PLAINTEXT"
    sasl_ssl = "SASL_SSL"


class Settings(BaseSettings):
    """Every setting; the environment's name is the field's in capitals."""

    model_config = SettingsConfigDict(
        env_file=".env",
        extra="ignore",
        frozen=True,
        env_ignore_empty=True,
        hide_input_in_errors=True,
    )

    # --- where it runs
    environment: Environment = Field(Environment.development, description="Where this runs.")
    rag_mode: Mode | None = Field(
        None, description="`production` forbids local answering and embedding; follows ENVIRONMENT."
    )
    upload_pipeline_mode: Mode | None = Field(
        None, description="`production` forbids local parsing; follows ENVIRONMENT."
    )
    deployment_mode: Deployment | None = Field(
        None, description="`cloud` forbids embedded servers; follows ENVIRONMENT."
    )
    data_dir: Path = Field(
        Path(".ragline"), description="Folder of `ragline up`: servers' data, blobs, logs."
    )
    cache_dir: Path | None = Field(
        None, description="Where downloaded server files are kept; default `~/.cache/ragline`."
    )

    # --- servers
    database_url: SecretStr | None = Field(None, description="PostgreSQL with pgvector.")
    migration_database_url: SecretStr | None = Field(
        None, description="The same database as the owner of its tables; default DATABASE_URL."
    )
    vector_db_url: SecretStr | None = Field(
        None, description="Only the same database as DATABASE_URL is accepted."
    )
    database_pool_size: int = Field(10, ge=2, le=200, description="Connections per process.")
    redis_url: SecretStr | None = Field(
        None, description="Shares rate limits between gateways; without it they are in memory."
    )
    kafka_bootstrap_servers: str | None = Field(None, description="`host:port,host:port`.")
    kafka_security_protocol: Security = Field(Security.plaintext, description="How to connect.")
    kafka_sasl_mechanism: str = Field("SCRAM-SHA-512", description="SASL mechanism.")
    kafka_sasl_username: str | None = Field(None, description="SASL user.")
    kafka_sasl_password: SecretStr | None = Field(None, description="SASL password.")
    kafka_ssl_cafile: Path | None = Field(None, description="CA bundle; default the system's.")
    kafka_session_seconds: float = Field(
        45,
        ge=6,
        le=300,
        description="Silence after which a worker counts as dead and others take its records.",
    )
    kafka_replication: int = Field(1, ge=1, le=7, description="Replicas of each topic.")
    kafka_partitions: int | None = Field(
        None, ge=1, le=96, description="Most partitions of a topic; default as declared, 6 locally."
    )
    blob_url: str | None = Field(
        None, description="`file:///…`, `s3://bucket/prefix`, `gs://…` or `az://…`."
    )

    # --- providers
    llamaparse_api_key: SecretStr | None = Field(None, description="Parses with LlamaParse.")
    llamaparse_base_url: str | None = Field(None, description="Another LlamaParse address.")
    openai_api_key: SecretStr | None = Field(None, description="Embeds and answers with OpenAI.")
    openai_base_url: str | None = Field(None, description="Any OpenAI-compatible server.")
    anthropic_api_key: SecretStr | None = Field(None, description="Answers with Anthropic.")
    anthropic_base_url: str | None = Field(None, description="Another Anthropic address.")
    embedding_model: str | None = Field(
        None,
        description="Default `text-embedding-3-small` with OPENAI_API_KEY or OPENAI_BASE_URL, "
        "else the local `wordllama-256`.",
    )
    chat_model: str | None = Field(
        None, description="Default by the configured provider, else the local `extractive`."
    )
    parse_timeout: float = Field(
        600, gt=0, le=7200, description="Seconds that parsing one document may take."
    )
    provider_timeout: float = Field(
        120, gt=0, le=3600, description="Seconds without a byte from a provider before giving up."
    )

    # --- retrieval and answers
    similarity_threshold: float | None = Field(
        None,
        ge=-1,
        le=1,
        description="Least cosine similarity of context; default 0.4, or the model's own default.",
    )
    chunking_strategy: str = Field("sentence_5", description="`sentence_N`.")
    max_chunks: int = Field(5, ge=1, le=50, description="Most chunks of context.")
    neighbours: int = Field(
        2, ge=0, le=10, description="Chunks before and after each that are read with it."
    )
    context_characters: int = Field(
        6000,
        ge=0,
        le=200_000,
        description="Length of all context up to which chunks are read with their neighbours.",
    )
    knowledge_base: str = Field("default", min_length=1, max_length=64, description="Default one.")
    answer_token_budget: int = Field(
        64_000, ge=256, description="Tokens after which an answer ends and says so."
    )

    agent_token_budget: int = Field(
        1_000_000,
        ge=1000,
        description="Tokens that an agent may use on the way to one answer; a summary that needs "
        "more is refused.",
    )

    # --- gateway
    host: str = Field("127.0.0.1", description="Address that the gateway listens on.")
    port: int = Field(8000, ge=0, le=65535, description="Port of the gateway; 0 takes a free one.")
    jwt_secret: SecretStr | None = Field(None, description="Signs access tokens; 32 bytes or more.")
    access_token_seconds: int = Field(900, ge=30, le=86_400, description="Life of a token.")
    refresh_token_days: int = Field(30, ge=1, le=365, description="Life of a refresh token.")
    open_registration: bool | None = Field(
        None, description="Whether anybody may register; default yes outside production."
    )
    max_upload_bytes: int = Field(100 * MIB, ge=1, description="Largest upload.")
    max_message_bytes: int = Field(32_768, ge=1, description="Longest question, in bytes.")
    user_requests_per_minute: int = Field(600, ge=1, description="Rate limit per user.")
    address_requests_per_minute: int = Field(1200, ge=1, description="Rate limit per address.")
    login_attempts_per_minute: int = Field(10, ge=1, description="Per account and address.")
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Addresses whose X-Forwarded-For is believed, comma-separated."
    )
    tenant_in_flight: int = Field(
        500, ge=1, description="Unfinished documents of one tenant in Kafka; the rest wait."
    )
    reconcile_after_seconds: float = Field(
        1800,
        gt=0,
        description="Seconds without progress, and without a record that waits, after which a "
        "document is handed to the workers again.",
    )
    reconcile_turn_seconds: float = Field(
        900, gt=0, description="Seconds after which a question that nobody answers has failed."
    )
    answer_timeout: float = Field(
        300, gt=0, description="Seconds that a JSON /chat request waits for its answer."
    )
    tls_cert_path: Path | None = Field(None, description="Certificate chain of the gateway.")
    tls_key_path: Path | None = Field(None, description="Its key.")
    api_encryption_key: SecretStr | None = Field(None, description="Master key for files at rest.")
    external_rag_api_key: SecretStr | None = Field(
        None, description="A key that one external system may call search and chat with."
    )
    external_rag_tenant: str | None = Field(None, description="The tenant of that key.")

    # --- workers
    worker_concurrency: int | None = Field(
        None, ge=1, le=1024, description="Records in flight per worker; default by worker."
    )
    cpu_processes: int = Field(
        1, ge=1, le=64, description="Processes for CPU work of a parser or chunker."
    )
    parse_memory_bytes: int = Field(
        2048 * MIB, ge=256 * MIB, description="Memory that parsing one file may take."
    )
    metrics_host: str = Field(
        "127.0.0.1", description="Address of a worker's health and metrics; `0.0.0.0` in a pod."
    )
    metrics_port: int = Field(
        0, ge=0, le=65535, description="Port of a worker's health and metrics; 0 takes a free one."
    )
    drain_seconds: float = Field(30, gt=0, le=300, description="Longest wait for work at a stop.")

    # --- observability
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Level.")
    log_format: str = Field("json", pattern="^(json|console)$", description="`json` or `console`.")
    otel_exporter_otlp_endpoint: str | None = Field(None, description="Where traces go.")
    logging_endpoint: str | None = Field(None, description="Where logs go, over OTLP.")
    prometheus_url: str | None = Field(None, description="Used by health checks and cloud tests.")
    grafana_url: str | None = Field(None, description="Used by health checks and cloud tests.")

    # --- where tests and scripts find a deployment
    kubernetes_cluster: str | None = Field(None, description="Used by the deployment scripts.")
    namespace: str = Field("ragline", description="Used by the deployment scripts.")
    ingress_domain: str | None = Field(None, description="Used by the deployment scripts.")
    ssl_certificate: str | None = Field(None, description="Used by the deployment scripts.")
    agent_api_url: str | None = Field(None, description="Used by cloud tests.")
    rag_service_url: str | None = Field(None, description="Used by cloud tests.")
    chat_service_url: str | None = Field(None, description="Used by cloud tests.")
    upload_pipeline_url: str | None = Field(None, description="Used by cloud tests.")
    document_processing_url: str | None = Field(None, description="Used by cloud tests.")
    vectorization_service_url: str | None = Field(None, description="Used by cloud tests.")

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @property
    def is_production(self) -> bool:
        """Whether ENVIRONMENT is production."""
        return self.environment is Environment.production

    @property
    def answers_locally(self) -> bool:
        """Whether local twins may answer and embed."""
        return (self.rag_mode or self._mode) is Mode.local

    @property
    def parses_locally(self) -> bool:
        """Whether the local twin may parse."""
        return (self.upload_pipeline_mode or self._mode) is Mode.local

    @property
    def embeds_servers(self) -> bool:
        """Whether `ragline up` may start servers of its own."""
        default = Deployment.cloud if self.is_production else Deployment.local
        return (self.deployment_mode or default) is Deployment.local

    @property
    def registration_is_open(self) -> bool:
        """Whether anybody may register a tenant."""
        return not self.is_production if self.open_registration is None else self.open_registration

    def with_values(self, **values: Any) -> Self:
        """Return a copy with some settings replaced; the values are validated."""
        return type(self)(**{**self.model_dump(), **values})

    def as_environment(self) -> dict[str, str]:
        """Return, by their names, the values that differ from the defaults; secrets in clear."""
        return {
            name: _text(value)
            for name, field in type(self).model_fields.items()
            if (value := getattr(self, name)) != field.default
        }

    @property
    def _mode(self) -> Mode:
        return Mode.production if self.is_production else Mode.local


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case SecretStr():
            return value.get_secret_value()
        case tuple():
            return ",".join(str(part) for part in cast("tuple[str, ...]", value))
        case StrEnum():
            return value.value
        case _:
            return str(value)


def load_settings(**values: object) -> Settings:
    """Read the settings; ``values`` outrank the environment, which outranks ``.env``.

    Raises ``SettingsError`` with one sentence that names the first wrong setting.
    """
    try:
        settings = Settings(**values)  # type: ignore[arg-type]  # pydantic validates them
    except ValidationError as error:
        raise SettingsError(_sentence(error)) from None
    _check(settings)
    return settings


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    name = str(first["loc"][0]).upper() if first["loc"] else "A setting"
    return f"{name} is wrong: {first['msg'][0].lower()}{first['msg'][1:]}."


def _check(settings: Settings) -> None:
    if not re.fullmatch(r"sentence_([1-9]|[1-4]\d|50)", settings.chunking_strategy):
        raise SettingsError(
            f"CHUNKING_STRATEGY is wrong: {settings.chunking_strategy!r} is not `sentence_N` "
            "with N from 1 to 50."
        )
    _check_one_database(settings)
    if bool(settings.tls_cert_path) != bool(settings.tls_key_path):
        raise SettingsError("TLS_CERT_PATH and TLS_KEY_PATH go together: set both or neither.")
    if settings.external_rag_api_key and not settings.external_rag_tenant:
        raise SettingsError("EXTERNAL_RAG_API_KEY needs EXTERNAL_RAG_TENANT: the tenant it reads.")
    if settings.api_encryption_key:
        raise SettingsError(
            "API_ENCRYPTION_KEY is set, but this version does not encrypt files at rest yet; "
            "unset it, or encrypt the bucket and the disks of the database."
        )


def _check_one_database(settings: Settings) -> None:
    if settings.vector_db_url is None:
        return
    if settings.database_url is None or _database(settings.vector_db_url) != _database(
        settings.database_url
    ):
        raise SettingsError(
            "VECTOR_DB_URL names another database than DATABASE_URL; rows, vectors and progress "
            "are written in one transaction, so both must name the same database."
        )


def _database(url: SecretStr) -> str:
    """Return the database's name: one database may be reached by two host names."""
    return urlsplit(url.get_secret_value()).path


def environment_with(**values: str) -> dict[str, str]:
    """Return this process's environment with some settings replaced, for a child process."""
    return {**os.environ, **{name.upper(): value for name, value in values.items()}}
