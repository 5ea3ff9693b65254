"""What production refuses: weak or missing secrets, embedded servers, local twins."""

from pydantic import SecretStr

from runtime.settings import Settings, SettingsError

#: HS256 wants a key as long as its output (RFC 7518, section 3.2).
MIN_SECRET_BYTES = 32


def check_production(settings: Settings) -> None:
    """Raise ``SettingsError`` for the first thing that ENVIRONMENT=production does not allow."""
    if not settings.is_production:
        return
    for name, value in _required(settings).items():
        if not value:
            raise SettingsError(f"{name} is missing: ENVIRONMENT=production needs it.")
    _check_secret("JWT_SECRET", settings.jwt_secret)
    for name, is_local in _locals(settings).items():
        if is_local:
            raise SettingsError(
                f"{name}=local is wrong: ENVIRONMENT=production runs on real servers and providers."
            )


def _locals(settings: Settings) -> dict[str, bool]:
    return {
        "DEPLOYMENT_MODE": settings.embeds_servers,
        "RAG_MODE": settings.answers_locally,
        "UPLOAD_PIPELINE_MODE": settings.parses_locally,
    }


def _required(settings: Settings) -> dict[str, object]:
    return {
        "DATABASE_URL": settings.database_url,
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "BLOB_URL": settings.blob_url,
        "JWT_SECRET": settings.jwt_secret,
        "LLAMAPARSE_API_KEY": settings.llamaparse_api_key,
        "OPENAI_API_KEY (or OPENAI_BASE_URL)": settings.openai_api_key or settings.openai_base_url,
    }


def _check_secret(name: str, secret: SecretStr | None) -> None:
    value = secret.get_secret_value().encode() if secret else b""
    if len(value) < MIN_SECRET_BYTES or len(set(value)) < 10:
        raise SettingsError(
            f"{name} is weak: use at least {MIN_SECRET_BYTES} random bytes, "
            "for example from `openssl rand -base64 48`."
        )
