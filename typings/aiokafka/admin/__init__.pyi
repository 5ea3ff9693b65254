from collections.abc import Mapping, Sequence
from ssl import SSLContext
from typing import Any

from aiokafka.structs import OffsetAndMetadata, TopicPartition

class NewTopic:
    def __init__(
        self,
        name: str,
        num_partitions: int,
        replication_factor: int,
        replica_assignments: Mapping[int, Sequence[int]] | None = ...,
        topic_configs: Mapping[str, str] | None = ...,
    ) -> None: ...

class NewPartitions:
    def __init__(self, total_count: int, new_assignments: Any = ...) -> None: ...

class AIOKafkaAdminClient:
    def __init__(
        self,
        *,
        bootstrap_servers: str = ...,
        client_id: str | None = ...,
        request_timeout_ms: int = ...,
        security_protocol: str = ...,
        ssl_context: SSLContext | None = ...,
        sasl_mechanism: str = ...,
        sasl_plain_username: str | None = ...,
        sasl_plain_password: str | None = ...,
    ) -> None: ...
    async def start(self) -> None: ...
    async def close(self) -> None: ...
    async def list_topics(self) -> list[str]: ...
    async def describe_topics(self, topics: list[str] | None = ...) -> list[dict[str, Any]]: ...
    async def describe_cluster(self) -> dict[str, Any]: ...
    async def create_topics(
        self, new_topics: list[NewTopic], timeout_ms: int | None = ..., validate_only: bool = ...
    ) -> Any: ...
    async def create_partitions(
        self, topic_partitions: dict[str, NewPartitions], timeout_ms: int | None = ...
    ) -> Any: ...
    async def describe_consumer_groups(
        self, group_ids: list[str], group_coordinator_id: int | None = ...
    ) -> list[Any]: ...
    async def list_consumer_group_offsets(
        self,
        group_id: str,
        group_coordinator_id: int | None = ...,
        partitions: list[TopicPartition] | None = ...,
    ) -> dict[TopicPartition, OffsetAndMetadata]: ...
