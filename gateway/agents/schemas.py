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
    """The last document of your tenant that a worker gave up."""

    code: str
    message: str
    job_id: JobId
    at: datetime | None


class WorkerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a worker is; what cannot be found out now is null."""

    #: Also the name of its consumer group.
    name: str
    topic: str
    #: Processes that read in the group now.
    replicas: int | None
    #: Records of the topic that the group has not completed, of all tenants.
    lag: int | None
    #: Whom it asks for its work; null for a worker that asks nobody.
    provider: str | None
    last_error: LastError | None


class AgentsStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The agents, the workers, and whom they ask."""

    agents: list[AgentCard]
    workers: list[WorkerStatus]
    #: Parser, embedding model and chat model, as configured.
    providers: dict[str, str]
    #: Why replicas and lag are null, where they are.
    unknown: str | None
