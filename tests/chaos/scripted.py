"""A worker that does with each record what its script says.

``python -m tests.chaos.scripted SPEC`` runs one until it is told to stop, or killed.
"""

# ruff: noqa: S311 - seeded on purpose
import asyncio
import os
import sys
import time
from collections.abc import Sequence
from random import Random
from typing import cast

import asyncpg
import msgspec
import structlog

from contracts.conversations import AnswerGiven
from contracts.envelope import Outgoing
from contracts.errors import EncryptedDocument, Retryable, StoreUnavailable
from contracts.ids import event_id
from contracts.topics import WorkerName
from runtime.delivery import Failure, Probes, Worker, WorkerStuck, run_worker
from runtime.health import Health
from runtime.kafka import KafkaConnection
from runtime.postgres_errors import translated
from tests.chaos.script import TENANT, Script, Spec, topics_of

#: As of ``ragline worker``: it got stuck and wants to be started again.
STUCK = 70
#: Ends the quick tries of one visit, so that the record waits in a retry topic.
TRIES_OF_ONE_VISIT = 3

# The effect and its ledger row are one transaction; only the ledger keeps it from coming twice.
EFFECT = """
WITH once AS (INSERT INTO ledger VALUES ($1) ON CONFLICT DO NOTHING RETURNING record)
INSERT INTO effects (record, key) SELECT record, $2 FROM once
"""
TRY = """
INSERT INTO tries VALUES ($1, 1)
ON CONFLICT (record) DO UPDATE SET count = tries.count + 1 RETURNING count
"""
GIVE_UP = "INSERT INTO given_up VALUES ($1) ON CONFLICT DO NOTHING"

_LOGGED = (
    structlog.processors.TimeStamper(fmt="%H:%M:%S.%f", utc=True),
    structlog.processors.format_exc_info,
    structlog.processors.JSONRenderer(),
)


class Scripted:
    """The handler: does what the script says, has its effect once, says what follows."""

    def __init__(self, spec: Spec, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._spec = spec
        self._pool = pool
        self._out = topics_of(spec.name, partitions=1)[1]
        # A line is one write: it is there whole, also when the process is killed right after it.
        self._log = os.open(spec.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._stumbled: set[int] = set()

    async def handle(self, given: AnswerGiven) -> Sequence[Outgoing]:
        number, key = given.generation, given.conversation_id.int
        self._note("begun", number)
        await self._act(self._spec.script(number), number)
        with translated():
            await self._pool.execute(EFFECT, number, key)
        self._note("done", number)
        return [
            Outgoing(
                topic=self._out,
                key=str(key),
                tenant_id=TENANT,
                event=given,
                event_id=event_id(self._out.name, number),
            )
        ]

    async def give_up(self, given: AnswerGiven, _: Failure) -> Sequence[Outgoing]:
        with translated():
            await self._pool.execute(GIVE_UP, given.generation)
        return ()

    async def _act(self, script: Script, number: int) -> None:
        match script:
            case Script.refused:
                raise EncryptedDocument
            case Script.stumbles if self._is_first(number):
                raise StoreUnavailable("It stumbles.")
            case Script.leaks if self._is_first(number):
                raise asyncio.CancelledError
            case Script.put_off:
                await self._fail_one_visit(number)
            case Script.blocks:
                time.sleep(self._spec.seconds)  # noqa: TID251, ASYNC251 - that is the point
            case Script.orphans:
                _end_coordination()
            case _:
                await asyncio.sleep(self._seconds(script, number))

    def _seconds(self, script: Script, number: int) -> float:
        match script:
            case Script.waits:
                return self._spec.seconds
            case Script.slow:
                return Random(number).uniform(0.2, 1.5)
            case _:
                return self._spec.prompt_seconds

    def _is_first(self, number: int) -> bool:
        is_first = number not in self._stumbled
        self._stumbled.add(number)
        return is_first

    async def _fail_one_visit(self, number: int) -> None:
        with translated():
            count: int = await self._pool.fetchval(TRY, number)
        if count <= TRIES_OF_ONE_VISIT:
            raise StumblesLonger

    def _note(self, what: str, number: int) -> None:
        os.write(self._log, f"{what} {number} {time.monotonic():.4f}\n".encode())


class StumblesLonger(Retryable):
    """It fails a whole visit."""

    code = "stumbles_longer"


def _end_coordination() -> None:
    """End the task of aiokafka that keeps the membership of the worker's group."""
    for task in asyncio.all_tasks():
        if "_coordination_routine" in repr(task.get_coro()):
            task.cancel()


async def work(spec: Spec) -> None:
    """Run the worker until SIGTERM."""
    pool = await asyncpg.create_pool(spec.dsn, min_size=0, max_size=spec.concurrency, timeout=5)
    scripted = Scripted(spec, pool)
    worker = Worker(
        name=cast("WorkerName", spec.name),
        topic=topics_of(spec.name, partitions=1)[0],
        concurrency=spec.concurrency,
        handle=scripted.handle,
        give_up=scripted.give_up,
        drain_seconds=spec.drain_seconds,
    )
    probes = Probes(
        health=Health(),
        host="127.0.0.1",
        port=0,
        announce=lambda _: None,
        blocked_seconds=spec.blocked_seconds,
    )
    connection = KafkaConnection(servers=spec.servers, session_seconds=spec.session_seconds)
    try:
        await run_worker(worker, connection, probes=probes)
    finally:
        pool.terminate()


def main() -> None:
    """Run what the argument describes."""
    structlog.configure(processors=[structlog.processors.add_log_level, *_LOGGED])
    try:
        asyncio.run(work(msgspec.json.decode(sys.argv[1], type=Spec)))
    except WorkerStuck as error:
        sys.stderr.write(f"stuck: {error}\n")
        raise SystemExit(STUCK) from None


if __name__ == "__main__":
    main()
