"""The clients of Kafka: how to connect, publish, read, create topics, see lag."""

from runtime.kafka.admin import GroupInUse, Progress, TopicAdmin
from runtime.kafka.backlog import Backlog, read_backlogs
from runtime.kafka.connection import KafkaConnection
from runtime.kafka.group import GroupReader
from runtime.kafka.publisher import Placed, Publisher
from runtime.kafka.ranges import RangeReader
from runtime.kafka.tail import TailReader

__all__ = [
    "Backlog",
    "GroupInUse",
    "GroupReader",
    "KafkaConnection",
    "Placed",
    "Progress",
    "Publisher",
    "RangeReader",
    "TailReader",
    "TopicAdmin",
    "read_backlogs",
]
