"""Every topic, once: name, key, partitions, retention, and what travels in it."""

from dataclasses import dataclass, replace
from typing import Literal

import msgspec

from contracts.conversations import (
    AnswerBroken,
    AnswerFinished,
    AnswerGiven,
    AnswerStarted,
    CitationFound,
    Heartbeat,
    QuestionAsked,
    SourcesFound,
    StepTaken,
    TokensGenerated,
)
from contracts.documents import (
    DocumentChunked,
    DocumentParsed,
    DocumentStatusChanged,
    DocumentUploaded,
    StageName,
)

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR

WorkerName = Literal["parser", "chunker", "embedder", "responder"]
WORKERS: tuple[WorkerName, ...] = ("parser", "chunker", "embedder", "responder")


@dataclass(frozen=True, kw_only=True)
class Topic:
    """A topic's contract; ``partitions`` is the count in the cloud (a setting lowers it)."""

    name: str
    #: What the key is made of.
    key: str
    partitions: int
    cleanup: Literal["compact", "delete"]
    #: Milliseconds; None for compacted topics, kept as long as the document.
    retention_ms: int | None
    owner: str
    consumers: tuple[str, ...]
    events: tuple[type[msgspec.Struct], ...]
    #: False where the partition has a meaning of its own and must not be scaled by a setting.
    scalable: bool = True
    #: True where the broker's clock stamps records, so that waiting is measured by one clock.
    stamped_by_broker: bool = False

    @property
    def kept(self) -> str:
        """How long a record is kept, in words."""
        if self.retention_ms is None:
            return "as long as the document"
        for unit, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
            if self.retention_ms >= unit:
                return f"{self.retention_ms // unit} {name}"
        return f"{self.retention_ms} ms"


DOCUMENTS_UPLOADED = Topic(
    name="documents.uploaded.v1",
    key="document_id",
    partitions=24,
    cleanup="compact",
    retention_ms=None,
    owner="gateway",
    consumers=("parser",),
    events=(DocumentUploaded,),
)
DOCUMENTS_PARSED = Topic(
    name="documents.parsed.v1",
    key="document_id",
    partitions=24,
    cleanup="compact",
    retention_ms=None,
    owner="parser",
    consumers=("chunker",),
    events=(DocumentParsed,),
)
DOCUMENTS_CHUNKED = Topic(
    name="documents.chunked.v1",
    key="document_id:part",
    partitions=24,
    cleanup="delete",
    retention_ms=7 * DAY,
    owner="chunker",
    consumers=("embedder",),
    events=(DocumentChunked,),
)
DOCUMENTS_STATUS = Topic(
    name="documents.status.v1",
    key="document_id",
    partitions=12,
    cleanup="delete",
    retention_ms=30 * DAY,
    owner="gateway",
    consumers=(),
    events=(DocumentStatusChanged,),
)
CHAT_REQUESTED = Topic(
    name="chat.requested.v1",
    key="conversation_id",
    partitions=24,
    cleanup="delete",
    retention_ms=DAY,
    owner="gateway",
    consumers=("responder",),
    events=(QuestionAsked,),
)
CHAT_DELTAS = Topic(
    name="chat.deltas.v1",
    key="turn_id (explicit partition)",
    partitions=64,
    cleanup="delete",
    retention_ms=HOUR,
    owner="responder",
    consumers=("gateway",),
    scalable=False,
    events=(
        AnswerStarted,
        StepTaken,
        SourcesFound,
        TokensGenerated,
        CitationFound,
        Heartbeat,
        AnswerFinished,
        AnswerBroken,
    ),
)
CHAT_COMPLETED = Topic(
    name="chat.completed.v1",
    key="conversation_id",
    partitions=12,
    cleanup="delete",
    retention_ms=30 * DAY,
    owner="responder",
    consumers=(),
    events=(AnswerGiven,),
)


def chunked_topic(generation: int) -> Topic:
    """Return the topic of a build's own chunks; live ones never wait behind them."""
    return replace(DOCUMENTS_CHUNKED, name=f"documents.chunked.g{generation}.v1")


def build_group(worker: str, generation: int) -> str:
    """Return the group of a worker that fills one generation beside the live ones."""
    return f"{worker}.g{generation}"


def dead_letter_topic(worker: str) -> Topic:
    """Return the topic that keeps what this worker could not do, raw bytes and reason."""
    return Topic(
        name=f"{worker}.dlq.v1",
        key="of the origin",
        partitions=6,
        cleanup="delete",
        retention_ms=90 * DAY,
        owner=worker,
        consumers=("gateway",),
        events=(),
    )


#: How long a record waits before its next tries, by the name in its topic; in seconds.
RETRY_DELAYS: dict[str, int] = {"10s": 10, "1m": 60, "10m": 600}


def retry_topics(worker: str) -> dict[str, int]:
    """Return the topics in which this worker's records wait, and for how many seconds in each."""
    return {f"{worker}.retry.{name}.v1": seconds for name, seconds in RETRY_DELAYS.items()}


def replay_topic(worker: str) -> str:
    """Return the name of the topic with what this worker is to do again, behind live work."""
    return f"{worker}.replay.v1"


def retry_group(worker: str) -> str:
    """Return the group in which this worker reads its retry topics and its replays."""
    return f"{worker}.retry"


def _retry_topics(worker: str) -> list[Topic]:
    return [
        Topic(
            name=name,
            key="of the origin",
            partitions=6,
            cleanup="delete",
            retention_ms=30 * DAY,
            owner=worker,
            consumers=(worker,),
            events=(),
            stamped_by_broker=True,
        )
        for name in retry_topics(worker)
    ]


def _replay_topic(worker: str) -> Topic:
    return Topic(
        name=replay_topic(worker),
        key="of the origin",
        partitions=6,
        cleanup="delete",
        retention_ms=30 * DAY,
        owner="gateway",
        consumers=(worker,),
        events=(),
    )


#: The workers whose records can be replayed; nobody asks a question again for its asker.
REPLAYED: tuple[WorkerName, ...] = ("parser", "chunker", "embedder")

TOPICS: tuple[Topic, ...] = (
    DOCUMENTS_UPLOADED,
    DOCUMENTS_PARSED,
    DOCUMENTS_CHUNKED,
    DOCUMENTS_STATUS,
    CHAT_REQUESTED,
    CHAT_DELTAS,
    CHAT_COMPLETED,
    *(topic for worker in WORKERS for topic in _retry_topics(worker)),
    *(_replay_topic(worker) for worker in REPLAYED),
    *(dead_letter_topic(worker) for worker in WORKERS),
)

TOPICS_BY_NAME: dict[str, Topic] = {topic.name: topic for topic in TOPICS}

#: The workers that a build has of its own, in the order of their work.
BUILDERS: tuple[WorkerName, ...] = ("chunker", "embedder")

#: What each worker does for a document.
STAGES: dict[str, StageName] = {"parser": "parse", "chunker": "chunk", "embedder": "embed"}

#: The topic that each worker's group reads.
INPUTS: dict[WorkerName, Topic] = {
    "parser": DOCUMENTS_UPLOADED,
    "chunker": DOCUMENTS_PARSED,
    "embedder": DOCUMENTS_CHUNKED,
    "responder": CHAT_REQUESTED,
}
