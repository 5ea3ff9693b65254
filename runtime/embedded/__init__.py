"""Kafka and PostgreSQL for one machine: the real servers, as child processes."""

from runtime.embedded.errors import EmbeddedServerError
from runtime.embedded.kafka import EmbeddedKafka
from runtime.embedded.postgres import EmbeddedPostgres

__all__ = ["EmbeddedKafka", "EmbeddedPostgres", "EmbeddedServerError"]
