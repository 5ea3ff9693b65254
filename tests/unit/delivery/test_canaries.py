"""What is touched of the inside of libraries; an upgrade that moves it is named here."""

import inspect
from typing import cast

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.protocol.admin import DescribeGroupsResponse_v0
from aiokafka.structs import OffsetAndMetadata
from faststream._internal.broker.registrator import Registrator
from faststream._internal.endpoint.subscriber.call_item import CallsCollection
from faststream.kafka import KafkaBroker
from faststream.kafka.helpers.rebalance_listener import make_logging_listener
from faststream.kafka.subscriber.config import (
    KafkaSubscriberConfig,
    KafkaSubscriberSpecificationConfig,
)
from faststream.kafka.subscriber.specification import KafkaSubscriberSpecification
from faststream.kafka.subscriber.usecase import DefaultSubscriber, LogicSubscriber
from faststream.middlewares import AckPolicy

from runtime.kafka.admin import GROUP_MEMBERS


def _parameters(function: object) -> set[str]:
    assert callable(function)
    return set(inspect.signature(function).parameters)


def test_faststream_still_runs_the_loop_that_we_replace() -> None:
    source = inspect.getsource(LogicSubscriber.start)
    assert "self.add_task(self._run_consume_loop, (self.consumer,))" in source, (
        "LogicSubscriber.start no longer runs _run_consume_loop; see runtime/delivery/subscriber"
    )
    assert DefaultSubscriber._run_consume_loop is LogicSubscriber._run_consume_loop


def test_faststream_still_hands_a_record_to_its_handler_by_process_message() -> None:
    assert _parameters(DefaultSubscriber.process_message) == {"self", "msg"}, (
        "SubscriberUsecase.process_message has other parameters"
    )


def test_faststream_still_swallows_nothing_in_process_message() -> None:
    source = inspect.getsource(DefaultSubscriber.process_message)
    assert "except Exception as e" in source
    assert "raise parsing_error" in source, (
        "process_message hides errors of the handler; delivery must see them"
    )


def test_faststream_still_builds_subscribers_from_these_parts() -> None:
    assert {"config", "specification", "calls"} <= _parameters(DefaultSubscriber.__init__)
    assert {"topics", "group_id", "connection_args", "listener"} <= _parameters(
        KafkaSubscriberConfig
    )
    assert {"topics", "title_", "description_"} <= _parameters(KafkaSubscriberSpecificationConfig)
    assert {"_outer_config", "calls", "specification_config"} <= _parameters(
        KafkaSubscriberSpecification
    )
    assert len(CallsCollection()) == 0
    assert {"self", "subscriber", "persistent"} == _parameters(Registrator.subscriber)
    assert {"parser_", "decoder_", "dependencies_"} <= _parameters(DefaultSubscriber.add_call)


def test_faststream_still_leaves_acknowledging_to_us() -> None:
    config = KafkaSubscriberConfig(_ack_policy=AckPolicy.MANUAL)
    assert config.auto_ack_disabled, "AckPolicy.MANUAL no longer disables acknowledging"
    assert config.connection_args["enable_auto_commit"] is False, (
        "AckPolicy.MANUAL no longer disables automatic commits: records would be lost"
    )


def test_a_broker_that_only_consumes_still_needs_no_producer() -> None:
    assert {"consumer_only", "allow_auto_create_topics", "apply_types", "logger"} <= _parameters(
        KafkaBroker.__init__
    )


def test_aiokafka_still_keeps_membership_in_a_task_of_its_coordinator() -> None:
    assert "self._coordination_task = create_task" in inspect.getsource(GroupCoordinator), (
        "GroupCoordinator._coordination_task is gone; see LaneSubscriber.problem"
    )
    assert "self._coordinator" in inspect.getsource(AIOKafkaConsumer)


def test_aiokafka_still_calls_the_listener_while_old_partitions_can_be_committed() -> None:
    source = inspect.getsource(GroupCoordinator._on_join_prepare)
    assert "await res" in source, "on_partitions_revoked is no longer awaited before a join"
    assert "commit_offsets(assignment, offsets)" in inspect.getsource(AIOKafkaConsumer.commit)


def test_aiokafka_still_returns_the_text_of_a_commit_from_its_coordinator() -> None:
    assert _parameters(GroupCoordinator.fetch_committed_offsets) == {"self", "partitions"}, (
        "GroupCoordinator.fetch_committed_offsets moved; see runtime/delivery/progress"
    )
    assert OffsetAndMetadata._fields == ("offset", "metadata")


def test_aiokafka_still_looks_for_positions_only_just_before_it_calls_the_listener() -> None:
    source = inspect.getsource(GroupCoordinator._on_join_complete)
    looks = source.index("self.start_commit_offsets_refresh_task(")
    calls = source.index("on_partitions_assigned(assigned)")
    assert "await" not in source[looks:calls], (
        "records may come before on_partitions_assigned pauses their partitions"
    )


class _Listener(ConsumerRebalanceListener):
    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None: ...
    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None: ...


def test_faststream_without_a_logger_still_leaves_our_listener_alone() -> None:
    listener = _Listener()
    found = make_logging_listener(
        consumer=cast("AIOKafkaConsumer", None), logger=None, log_extra={}, listener=listener
    )
    assert found is listener, "a wrapped listener may pause new partitions too late"


def test_the_sticky_assignor_still_keeps_state_on_its_class() -> None:
    """The reason for a class for each consumer; when this fails, that can go."""
    assert any(
        name in vars(StickyPartitionAssignor) for name in ("member_assignment", "generation")
    )


def test_members_of_a_described_group_are_still_where_they_are_read() -> None:
    [groups] = DescribeGroupsResponse_v0.SCHEMA.fields
    assert groups.array_of.names[GROUP_MEMBERS] == "members"


@pytest.mark.parametrize(
    "name", ["create_topics", "create_partitions", "list_consumer_group_offsets", "describe_topics"]
)
def test_the_experimental_admin_client_still_has_what_we_use(name: str) -> None:
    assert hasattr(AIOKafkaAdminClient, name)
