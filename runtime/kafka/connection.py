"""How every client of this process connects to Kafka."""

from dataclasses import dataclass
from ssl import SSLContext
from typing import TypedDict

from aiokafka.helpers import create_ssl_context

from contracts.errors import Misconfigured
from runtime.settings import Security, Settings


class ClientOptions(TypedDict):
    """The part of a client's arguments that says where and how to connect."""

    bootstrap_servers: str
    security_protocol: str
    ssl_context: SSLContext | None
    sasl_mechanism: str
    sasl_plain_username: str | None
    sasl_plain_password: str | None


@dataclass(frozen=True, kw_only=True)
class KafkaConnection:
    """Where the brokers are and how they are spoken to; the same for all clients."""

    servers: str
    security: Security = Security.plaintext
    ssl_context: SSLContext | None = None
    sasl_mechanism: str = "SCRAM-SHA-512"
    sasl_username: str | None = None
    sasl_password: str | None = None
    #: Silence after which a member of a group counts as dead.
    session_seconds: float = 45.0

    @classmethod
    def of(cls, settings: Settings) -> "KafkaConnection":
        """Return the connection that the settings describe; ``Misconfigured`` without servers."""
        if not settings.kafka_bootstrap_servers:
            raise Misconfigured("KAFKA_BOOTSTRAP_SERVERS is missing: where is Kafka?")
        password = settings.kafka_sasl_password
        security = settings.kafka_security_protocol
        cafile = str(settings.kafka_ssl_cafile) if settings.kafka_ssl_cafile else None
        uses_tls = security in {Security.ssl, Security.sasl_ssl}
        return cls(
            servers=settings.kafka_bootstrap_servers,
            security=security,
            ssl_context=create_ssl_context(cafile=cafile) if uses_tls else None,
            sasl_mechanism=settings.kafka_sasl_mechanism,
            sasl_username=settings.kafka_sasl_username,
            sasl_password=password.get_secret_value() if password else None,
            session_seconds=settings.kafka_session_seconds,
        )

    def options(self) -> ClientOptions:
        """Return the keyword arguments that any aiokafka client takes."""
        has_sasl = self.security in {Security.sasl_plaintext, Security.sasl_ssl}
        return ClientOptions(
            bootstrap_servers=self.servers,
            security_protocol=self.security.value,
            ssl_context=self.ssl_context,
            sasl_mechanism=self.sasl_mechanism if has_sasl else "PLAIN",
            sasl_plain_username=self.sasl_username,
            sasl_plain_password=self.sasl_password,
        )
