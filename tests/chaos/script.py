"""What scripted workers are told, and what their records do: derived from a seed.

Two runs with one seed give the same work.
"""

# ruff: noqa: S311 - seeded on purpose
import uuid
from dataclasses import replace
from enum import StrEnum
from random import Random

import msgspec

from contracts.conversations import AnswerGiven, Usage
from contracts.ids import ConversationId, TenantId, TurnId
from contracts.topics import HOUR, Topic, dead_letter_topic, retry_topics

TENANT = TenantId(uuid.UUID(int=1))

SCHEMA = """
CREATE TABLE ledger (record bigint PRIMARY KEY);
CREATE TABLE effects (place bigserial, record bigint NOT NULL, key bigint NOT NULL);
CREATE TABLE tries (record bigint PRIMARY KEY, count int NOT NULL);
CREATE TABLE given_up (record bigint PRIMARY KEY);
"""


class Script(StrEnum):
    """What happens to a record."""

    prompt = "prompt"
    slow = "slow"
    #: The first try in a process fails, the next one does not.
    stumbles = "stumbles"
    #: Its first visit fails, so that it waits in a retry topic.
    put_off = "put_off"
    #: A handler that leaks a cancellation, once in a process.
    leaks = "leaks"
    #: Can never succeed.
    refused = "refused"
    #: Cannot be decoded, and so never reaches the handler.
    broken = "broken"
    #: Blocks the event loop for as long as ``Spec.seconds``.
    blocks = "blocks"
    #: Waits for as long as ``Spec.seconds``, without blocking.
    waits = "waits"
    #: The task that keeps the membership of the group ends.
    orphans = "orphans"


#: In a thousand records; the others are prompt.
SHARES = {
    Script.slow: 10,
    Script.stumbles: 8,
    Script.put_off: 1,
    Script.leaks: 1,
    Script.refused: 2,
    Script.broken: 2,
}
DEAD = {Script.refused, Script.broken}


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker process is told."""

    name: str
    servers: str
    dsn: str
    seed: int
    #: Where the process appends a line for each begin and end of an execution.
    log: str
    concurrency: int = 16
    session_seconds: float = 6.0
    drain_seconds: float = 10.0
    blocked_seconds: float = 30.0
    #: Of prompt records, and of those that block or wait.
    prompt_seconds: float = 0.002
    seconds: float = 0.0
    #: What these records do.
    scripts: dict[int, Script] = {}
    #: Whether the seed says what the others do; without, they are prompt.
    is_mixed: bool = True

    def script(self, number: int) -> Script:
        """Return what happens to this record."""
        drawn = script_of(self.seed, number) if self.is_mixed else Script.prompt
        return self.scripts.get(number, drawn)


def script_of(seed: int, number: int) -> Script:
    """Return what the seed says about a record."""
    drawn = Random(f"{seed}:{number}").randrange(1000)
    for script, share in SHARES.items():
        if drawn < share:
            return script
        drawn -= share
    return Script.prompt


def topics_of(name: str, *, partitions: int) -> list[Topic]:
    """Return the topics of a scripted worker: what it reads and writes first, then the others."""
    first = Topic(
        name=f"{name}.in",
        key="any",
        partitions=partitions,
        cleanup="delete",
        retention_ms=HOUR,
        owner="test",
        consumers=(),
        events=(AnswerGiven,),
    )
    return [
        first,
        replace(first, name=f"{name}.out"),
        replace(first, name=dead_letter_topic(name).name, partitions=1),
        *(
            replace(first, name=topic, partitions=1, stamped_by_broker=True)
            for topic in retry_topics(name)
        ),
    ]


def answer(number: int, key: int) -> AnswerGiven:
    """Return the event of a record; the same record gives the same event."""
    return AnswerGiven(
        tenant_id=TENANT,
        conversation_id=ConversationId(uuid.UUID(int=key)),
        turn_id=TurnId(uuid.UUID(int=number)),
        model="m",
        finish_reason="stop",
        usage=Usage(),
        generation=number,
    )
