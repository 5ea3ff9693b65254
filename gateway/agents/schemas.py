"""What clients send to agents, and get told about them and the workers."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from contracts.ids import JobId
from gateway.agent_cards import AgentCard
from gateway.conversations.schemas import Asked


class Query(Asked, frozen=True, kw_only=True):
    """Something for a named agent to answer."""

    agent: Annotated[str, Meta(max_length=64, examples=["answer"])]
    input: Annotated[str, Meta(examples=["How long are backups kept?"])]


class LastError(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong last: at a worker, whoever it worked for, or with a document of yours."""

    code: str
    message: str
    #: The job of your document that failed; none where it was another's, or no document's.
    job_id: JobId | None
    at: datetime | None


class TopicLag(msgspec.Struct, frozen=True, kw_only=True):
    """The records of a topic that a worker has not completed, of all tenants."""

    topic: str
    lag: int
    #: When the oldest of them was written, and how long ago that is.
    oldest_at: datetime | None
    oldest_seconds: float | None


class WorkerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a worker is; what cannot be found out now is null."""

    #: Also the name of its consumer group.
    name: str
    topic: str
    #: Processes that read in the group now.
    replicas: int | None
    #: Records of all its topics that it has not completed, of all tenants.
    lag: int | None
    #: Of its topic, and of those in which records wait for another try.
    topics: list[TopicLag] | None
    #: Whom the process that started last asks for its work; null for a worker that asks nobody.
    provider: str | None
    model: str | None
    #: When a process of it started last; null for a worker that never has.
    started_at: datetime | None
    last_error: LastError | None


class AgentsStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The agents, the workers, and whom they ask."""

    agents: list[AgentCard]
    workers: list[WorkerStatus]
    #: Parser, embedding model and chat model, as configured.
    providers: dict[str, str]
    #: Why replicas and lag are null, where they are.
    unknown: str | None
